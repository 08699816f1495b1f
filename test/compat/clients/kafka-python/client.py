"""kafka-python against our broker: `client.py <bootstrap> <scenario>` ends with 0, or with the failure on stderr.

What each scenario means stands in ../scenarios.ts.
"""
import sys
import time
import uuid

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

BOOTSTRAP = sys.argv[1]
DEADLINE_S = 90
CODECS = [None, 'gzip', 'snappy', 'lz4', 'zstd']
PER_CODEC = 100


def admin():
    return KafkaAdminClient(bootstrap_servers=BOOTSTRAP)


def unique(prefix):
    return f'{prefix}-{uuid.uuid4().hex[:8]}'


def new_topic(partitions=1):
    topic = unique('kafka-python')
    client = admin()
    client.create_topics([NewTopic(topic, partitions, 1)])
    client.close()
    return topic


def consumer(**config):
    defaults = {'bootstrap_servers': BOOTSTRAP, 'auto_offset_reset': 'earliest', 'enable_auto_commit': False}
    return KafkaConsumer(**{**defaults, **config})


def send(topic, partition, *values):
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks='all')
    for value in values:
        producer.send(topic, value.encode(), key=b'k', partition=partition).get(DEADLINE_S)
    producer.close()


def until(what, is_so):
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, f'Not in time: {what}'


def poll(member, into):
    for batch in member.poll(timeout_ms=100).values():
        into.extend(batch)
    return len(into)


def read(member, count):
    found = []
    until(f'{count} records', lambda: poll(member, found) >= count)
    return found


def read_partition(topic, count, **config):
    reader = consumer(**config)
    partition = TopicPartition(topic, 0)
    reader.assign([partition])
    reader.seek_to_beginning(partition)
    found = read(reader, count)
    reader.close()
    return found


def value_of(i):
    return f'{CODECS[i // PER_CODEC]}-{i}-{"x" * (i % PER_CODEC * 10)}'.encode()


def records():
    topic = new_topic()
    for at, codec in enumerate(CODECS):
        producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks='all', compression_type=codec, linger_ms=20)
        futures = []
        for i in range(at * PER_CODEC, (at + 1) * PER_CODEC):
            key = f'k-{i}'.encode() if i % 2 == 0 else None
            headers = [('source', b'compat')]
            futures.append(producer.send(topic, value_of(i), key=key, headers=headers, timestamp_ms=1_700_000_000_000 + i))
        assert [future.get(DEADLINE_S).offset for future in futures] == list(range(at * PER_CODEC, (at + 1) * PER_CODEC))
        producer.close()
    for acks in (0, 1):
        producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks=acks, enable_idempotence=False)
        producer.send(topic, f'acks {acks}'.encode()).get(DEADLINE_S)
        producer.close()
    send_tombstone(topic)
    found = read_partition(topic, len(CODECS) * PER_CODEC + 3)
    for i, record in enumerate(found[:-3]):
        assert (record.offset, record.value, record.timestamp) == (i, value_of(i), 1_700_000_000_000 + i), record
        assert record.key == (f'k-{i}'.encode() if i % 2 == 0 else None)
        assert list(record.headers) == [('source', b'compat')], record.headers
    assert [record.value for record in found[-3:]] == [b'acks 0', b'acks 1', None]


def send_tombstone(topic):
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP)
    producer.send(topic, None, key=b'gone').get(DEADLINE_S)
    producer.close()


def idempotence():
    topic = new_topic()
    count = 2_000
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, enable_idempotence=True, batch_size=200)
    futures = [producer.send(topic, str(i).encode(), partition=0) for i in range(count)]
    assert [future.get(DEADLINE_S).offset for future in futures] == list(range(count))
    producer.close()
    assert [record.value for record in read_partition(topic, count)] == [str(i).encode() for i in range(count)]


def member(group, topic, **config):
    joined = consumer(group_id=group, session_timeout_ms=10_000, heartbeat_interval_ms=200, **config)
    # A leader that assigns before it knows the topic must join again, and then this client may lose what SyncGroup brings.
    joined.partitions_for_topic(topic)
    joined.subscribe([topic])
    return joined


def owned(joined, into):
    poll(joined, into)
    return len(joined.assignment())


def rebalance():
    share()


def cooperative():
    share(partition_assignment_strategy=[CooperativeStickyAssignor])


def share(**config):
    topic, group, found = new_topic(4), unique('group'), []
    first = member(group, topic, **config)
    until('the first owns all', lambda: owned(first, found) == 4)
    second = member(group, topic, **config)
    # Both must be polled, so both sides of the `and` are computed.
    until('each owns two', lambda: [owned(first, found), owned(second, found)] == [2, 2])
    assert len(first.assignment() | second.assignment()) == 4
    second.close()
    until('the first owns all again', lambda: owned(first, found) == 4)
    for partition in range(4):
        send(topic, partition, 'a', 'b')
    until('all arrived at the first', lambda: poll(first, found) == 8)
    first.close()


def offsets():
    topic, group = new_topic(), unique('group')
    partition = TopicPartition(topic, 0)
    send(topic, 0, '1', '2', '3', '4', '5')
    before = member(group, topic)
    read(before, 5)
    before.commit({partition: OffsetAndMetadata(3, 'half way', -1)})
    before.close()
    after = member(group, topic)
    assert [record.value for record in read(after, 2)] == [b'4', b'5']
    committed = after.committed(partition, metadata=True)
    assert (committed.offset, committed.metadata) == (3, 'half way'), committed
    after.close()


def transactions():
    topic = new_topic()
    transactional_id = unique('transaction')

    def begin():
        producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=transactional_id)
        producer.init_transactions()
        return producer

    producer = begin()
    source, group = new_topic(), unique('group')
    for end in ('aborted', 'committed', 'open'):
        producer.begin_transaction()
        for i in range(3):
            producer.send(topic, f'{end}-{i}'.encode()).get(DEADLINE_S)
        if end == 'aborted':
            producer.abort_transaction()
        elif end == 'committed':
            offset = {TopicPartition(source, 0): OffsetAndMetadata(7, '', -1)}
            producer.send_offsets_to_transaction(offset, group)
            producer.commit_transaction()
    visible = read_partition(topic, 3, isolation_level='read_committed')
    assert [record.value for record in visible] == [b'committed-0', b'committed-1', b'committed-2'], visible
    assert len(read_partition(topic, 9)) == 9
    begin().close()
    try:
        producer.commit_transaction()
    except KafkaError:
        pass
    else:
        raise AssertionError('The first producer was not fenced.')
    reader = consumer(group_id=group)
    assert reader.committed(TopicPartition(source, 0)) == 7
    reader.close()


def topics():
    client = admin()
    topic = unique('kafka-python')
    client.create_topics([NewTopic(topic, 2, 1, topic_configs={'retention.ms': '60000'})])
    assert fails(lambda: client.create_topics([NewTopic(topic, 2, 1)]))
    client.create_partitions({topic: NewPartitions(5)})
    described = client.describe_topics([topic])[0]
    assert len(described['partitions']) == 5, described
    assert topic in client.list_topics()
    client.delete_topics([topic])
    assert topic not in client.list_topics()
    client.close()


def fails(call):
    try:
        call()
    except KafkaError:
        return True
    return False


def configs():
    topic = new_topic()
    client = admin()
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {'retention.ms': '1234'})])
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    assert "'1234'" in str(client.describe_configs([resource]))
    client.close()


def groups():
    topic, group, found = new_topic(2), unique('group'), []
    partition = TopicPartition(topic, 0)
    client = admin()
    joined = member(group, topic)
    until('it is assigned', lambda: owned(joined, found) == 2)
    joined.commit({partition: OffsetAndMetadata(0, '', -1)})
    assert 'Stable' in str(client.describe_groups([group]))
    assert group in str(client.list_groups())
    joined.close()
    assert client.list_group_offsets(group)[group][partition].offset == 0
    client.alter_group_offsets(group, {partition: OffsetAndMetadata(7, '', -1)})
    assert client.list_group_offsets(group)[group][partition].offset == 7
    client.delete_groups([group])
    assert group not in str(client.list_groups())
    client.close()


def positions():
    topic = new_topic()
    partition = TopicPartition(topic, 0)
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP)
    for timestamp in (1000, 3000, 2000, 4000):
        producer.send(topic, b'v', timestamp_ms=timestamp).get(DEADLINE_S)
    producer.close()
    reader = consumer()
    assert reader.beginning_offsets([partition]) == {partition: 0}
    assert reader.end_offsets([partition]) == {partition: 4}
    assert reader.offsets_for_times({partition: 2500})[partition].offset == 1
    assert reader.offsets_for_times({partition: 5000})[partition] is None
    client = admin()
    client.delete_records({partition: 2})
    assert reader.beginning_offsets([partition]) == {partition: 2}
    reader.close()
    client.close()
    assert read_partition(topic, 2)[0].offset == 2


def cluster():
    topic = new_topic()
    send(topic, 0, 'some bytes')
    client = admin()
    described = client.describe_cluster()
    assert len(described['brokers']) == 1, described
    assert len(described['cluster_id']) > 10, described
    assert topic in str(client.describe_log_dirs())
    client.close()


globals()[sys.argv[2].replace('-', '_')]()
