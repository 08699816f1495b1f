"""confluent-kafka (librdkafka, the newest one inside its wheel) against our broker.

`client.py <bootstrap> <scenario>` ends with 0, or with the failure on stderr. What each scenario means stands in
../scenarios.ts.
"""
import sys
import time
import uuid

from confluent_kafka import (
    Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, Producer, TopicCollection, TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec,
)

BOOTSTRAP = sys.argv[1]
DEADLINE_S = 90
CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
PER_CODEC = 100
CLASSIC = {'session.timeout.ms': 10_000, 'heartbeat.interval.ms': 200}


def admin():
    return AdminClient({'bootstrap.servers': BOOTSTRAP})


def unique(prefix):
    return f'{prefix}-{uuid.uuid4().hex[:8]}'


def all_of(futures):
    """The results of an admin call, by what they are about."""
    return {key: future.result(DEADLINE_S) for key, future in futures.items()}


def new_topic(partitions=1):
    topic = unique('confluent')
    client = admin()
    all_of(client.create_topics([NewTopic(topic, partitions, 1)]))
    return topic


def producer(**config):
    return Producer({'bootstrap.servers': BOOTSTRAP, 'acks': 'all', **{k.replace('_', '.'): v for k, v in config.items()}})


def consumer(config):
    defaults = {'bootstrap.servers': BOOTSTRAP, 'auto.offset.reset': 'earliest', 'enable.auto.commit': False}
    return Consumer({**defaults, 'group.id': unique('group'), 'check.crcs': True, **config})


def send_all(client, records):
    """Sends and waits; answers the offsets."""
    offsets = []

    def delivered(error, message):
        assert error is None, error
        offsets.append(message.offset())

    for record in records:
        client.produce(**record, on_delivery=delivered)
    assert client.flush(DEADLINE_S) == 0
    return offsets


def send(topic, partition, *values):
    send_all(producer(), [{'topic': topic, 'partition': partition, 'key': 'k', 'value': value} for value in values])


def until(what, is_so):
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, f'Not in time: {what}'


def poll(member, into):
    message = member.poll(0.05)
    if message is not None:
        assert message.error() is None, message.error()
        into.append(message)
    return len(into)


def read(member, count):
    found = []
    until(f'{count} records', lambda: poll(member, found) >= count)
    return found


def read_partition(topic, count, config={}):
    reader = consumer(config)
    reader.assign([TopicPartition(topic, 0, 0)])
    found = read(reader, count)
    reader.close()
    return found


def value_of(i):
    return f'{CODECS[i // PER_CODEC]}-{i}-{"x" * (i % PER_CODEC * 10)}'


def record_of(topic, i):
    key = f'k-{i}' if i % 2 == 0 else None
    headers = [('source', b'compat'), ('nothing', None)]
    return {'topic': topic, 'key': key, 'value': value_of(i), 'headers': headers, 'timestamp': 1_700_000_000_000 + i}


def records():
    topic = new_topic()
    for at, codec in enumerate(CODECS):
        numbers = range(at * PER_CODEC, (at + 1) * PER_CODEC)
        offsets = send_all(producer(compression_type=codec, linger_ms=20), [record_of(topic, i) for i in numbers])
        assert offsets == list(numbers), offsets
    for acks in ('0', '1'):
        send_all(producer(acks=acks), [{'topic': topic, 'value': f'acks {acks}'}])
    send_all(producer(), [{'topic': topic, 'key': 'gone', 'value': None}])
    found = read_partition(topic, len(CODECS) * PER_CODEC + 3)
    for i, message in enumerate(found[:-3]):
        expected = record_of(topic, i)
        assert (message.offset(), message.value().decode()) == (i, expected['value']), message
        assert (message.key() and message.key().decode()) == expected['key']
        assert message.timestamp()[1] == expected['timestamp']
        assert message.headers() == expected['headers'], message.headers()
    assert [message.value() for message in found[-3:]] == [b'acks 0', b'acks 1', None]


def idempotence():
    topic = new_topic()
    count = 2_000
    client = producer(enable_idempotence=True, batch_num_messages=10)
    offsets = send_all(client, [{'topic': topic, 'partition': 0, 'value': str(i)} for i in range(count)])
    assert offsets == list(range(count))
    assert [message.value() for message in read_partition(topic, count)] == [str(i).encode() for i in range(count)]


def rebalance():
    share(CLASSIC)


def cooperative():
    share({**CLASSIC, 'partition.assignment.strategy': 'cooperative-sticky'})


def consumer_protocol():
    share({'group.protocol': 'consumer'})


def member(group, topic, config):
    joined = consumer({'group.id': group, **config})
    joined.subscribe([topic])
    return joined


def owned(joined, into):
    poll(joined, into)
    return len(joined.assignment())


def share(config):
    topic, group, found = new_topic(4), unique('group'), []
    first = member(group, topic, config)
    until('the first owns all', lambda: owned(first, found) == 4)
    second = member(group, topic, config)
    until('each owns two', lambda: [owned(first, found), owned(second, found)] == [2, 2])
    assert len({each.partition for each in first.assignment() + second.assignment()}) == 4
    second.close()
    until('the first owns all again', lambda: owned(first, found) == 4)
    for partition in range(4):
        send(topic, partition, 'a', 'b')
    until('all arrived at the first', lambda: poll(first, found) == 8)
    first.close()


def offsets():
    topic, group = new_topic(), unique('group')
    send(topic, 0, '1', '2', '3', '4', '5')
    before = member(group, topic, CLASSIC)
    read(before, 5)
    before.commit(offsets=[TopicPartition(topic, 0, 3, 'half way')], asynchronous=False)
    before.close()
    after = member(group, topic, CLASSIC)
    assert [message.value() for message in read(after, 2)] == [b'4', b'5']
    committed = after.committed([TopicPartition(topic, 0)], DEADLINE_S)[0]
    assert (committed.offset, committed.metadata) == (3, 'half way'), committed
    assert after.get_watermark_offsets(TopicPartition(topic, 0), DEADLINE_S) == (0, 5)
    after.close()


def transactions():
    source, topic = new_topic(), new_topic()
    group, transactional_id = unique('group'), unique('transaction')
    send(source, 0, '1', '2', '3')
    reader = member(group, source, CLASSIC)
    read(reader, 3)
    client = transactional(transactional_id)
    for end in ('aborted', 'committed', 'open'):
        client.begin_transaction()
        send_all(client, [{'topic': topic, 'value': f'{end}-{i}'} for i in range(3)])
        if end == 'aborted':
            client.abort_transaction(DEADLINE_S)
        elif end == 'committed':
            next_offset = [TopicPartition(source, 0, 3)]
            client.send_offsets_to_transaction(next_offset, reader.consumer_group_metadata(), DEADLINE_S)
            client.commit_transaction(DEADLINE_S)
    visible = read_partition(topic, 3, {'isolation.level': 'read_committed'})
    assert [message.value() for message in visible] == [b'committed-0', b'committed-1', b'committed-2']
    assert len(read_partition(topic, 9, {'isolation.level': 'read_uncommitted'})) == 9
    assert reader.committed([TopicPartition(source, 0)], DEADLINE_S)[0].offset == 3
    reader.close()
    transactional(transactional_id)
    assert fails(lambda: client.commit_transaction(DEADLINE_S)), 'The first producer was not fenced.'


def transactional(transactional_id):
    client = producer(transactional_id=transactional_id)
    client.init_transactions(DEADLINE_S)
    return client


def fails(call):
    try:
        call()
    except KafkaException:
        return True
    return False


def topics():
    client = admin()
    topic = unique('confluent')
    wanted = NewTopic(topic, 2, 1, config={'retention.ms': '60000'})
    all_of(client.create_topics([wanted]))
    assert fails(lambda: all_of(client.create_topics([wanted])))
    all_of(client.create_partitions([NewPartitions(topic, 5)]))
    described = all_of(client.describe_topics(TopicCollection([topic])))[topic]
    assert len(described.partitions) == 5
    assert str(described.topic_id) != 'AAAAAAAAAAAAAAAAAAAAAA'
    assert topic in client.list_topics(timeout=DEADLINE_S).topics
    all_of(client.delete_topics([topic]))
    assert topic not in client.list_topics(timeout=DEADLINE_S).topics


def configs():
    client = admin()
    topic = new_topic()

    def alter(key, value, operation):
        entry = ConfigEntry(key, value, incremental_operation=operation)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        all_of(client.incremental_alter_configs([resource]))

    def find(key):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        return all_of(client.describe_configs([resource]))[resource][key].value

    alter('retention.ms', '1234', AlterConfigOpType.SET)
    alter('cleanup.policy', 'compact', AlterConfigOpType.APPEND)
    assert (find('retention.ms'), find('cleanup.policy')) == ('1234', 'delete,compact')
    alter('retention.ms', None, AlterConfigOpType.DELETE)
    assert find('retention.ms') == '604800000'
    assert fails(lambda: alter('no.such.key', '1', AlterConfigOpType.SET))


def groups():
    client = admin()
    topic, group, found = new_topic(2), unique('group'), []
    joined = member(group, topic, CLASSIC)
    until('it is assigned', lambda: owned(joined, found) == 2)
    described = all_of(client.describe_consumer_groups([group]))[group]
    assert (described.state.name, len(described.members)) == ('STABLE', 1), described
    assert fails(lambda: all_of(client.delete_consumer_groups([group])))
    joined.close()
    assert group in [each.group_id for each in client.list_consumer_groups().result(DEADLINE_S).valid]
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 7)])
    all_of(client.alter_consumer_group_offsets([wanted]))
    committed = all_of(client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))[group]
    assert [each.offset for each in committed.topic_partitions] == [7], committed
    all_of(client.delete_consumer_groups([group]))
    assert group not in [each.group_id for each in client.list_consumer_groups().result(DEADLINE_S).valid]


def positions():
    client = admin()
    topic = new_topic()
    sent = [{'topic': topic, 'value': 'v', 'timestamp': timestamp} for timestamp in (1000, 3000, 2000, 4000)]
    send_all(producer(), sent)
    partition = TopicPartition(topic, 0)

    def find(spec):
        return all_of(client.list_offsets({partition: spec}, isolation_level=IsolationLevel.READ_COMMITTED))[partition].offset

    assert find(OffsetSpec.earliest()) == 0
    assert find(OffsetSpec.latest()) == 4
    assert find(OffsetSpec.for_timestamp(2500)) == 1
    assert find(OffsetSpec.for_timestamp(5000)) == -1
    assert find(OffsetSpec.max_timestamp()) == 3
    deleted = all_of(client.delete_records([TopicPartition(topic, 0, 2)]))
    assert [each.low_watermark for each in deleted.values()] == [2]
    assert find(OffsetSpec.earliest()) == 2
    # It starts where there is nothing any more, and goes on where the log begins.
    assert read_partition(topic, 2)[0].offset() == 2


def cluster():
    client = admin()
    described = client.describe_cluster().result(DEADLINE_S)
    assert [f'{node.host}:{node.port}' for node in described.nodes] == [BOOTSTRAP], described
    assert len(described.cluster_id) > 10
    assert described.controller.id == described.nodes[0].id


globals()[sys.argv[2].replace('-', '_')]()
