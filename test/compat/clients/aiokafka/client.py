"""aiokafka against our broker: `client.py <bootstrap> <scenario>` ends with 0, or with the failure on stderr.

What each scenario means stands in ../scenarios.ts. The requests are older than those of other clients (Produce 8,
Fetch 11, transactions 0).
"""
import asyncio
import sys
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

BOOTSTRAP = sys.argv[1]
DEADLINE_S = 90
CODECS = [None, 'gzip', 'snappy', 'lz4', 'zstd']
PER_CODEC = 100


def unique(prefix):
    return f'{prefix}-{uuid.uuid4().hex[:8]}'


def admin():
    return started(AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP), 'close')


def producer(**config):
    return started(AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, **config), 'stop')


def consumer(*topics, **config):
    defaults = {'bootstrap_servers': BOOTSTRAP, 'auto_offset_reset': 'earliest', 'enable_auto_commit': False}
    return started(AIOKafkaConsumer(*topics, **{**defaults, **config}), 'stop')


class started:
    """A client that is started on entry and stopped on exit."""

    def __init__(self, client, stop):
        self.client, self.stop = client, stop

    async def __aenter__(self):
        await self.client.start()
        return self.client

    async def __aexit__(self, *failure):
        await getattr(self.client, self.stop)()


async def new_topic(partitions=1):
    topic = unique('aiokafka')
    async with admin() as client:
        await client.create_topics([NewTopic(topic, partitions, 1)])
    return topic


async def send(topic, partition, *values):
    async with producer(acks='all') as client:
        for value in values:
            await client.send_and_wait(topic, value.encode(), key=b'k', partition=partition)


async def poll(member, into):
    for batch in (await member.getmany(timeout_ms=50)).values():
        into.extend(batch)
    return len(into)


async def read(member, count):
    found = []
    while await poll(member, found) < count:
        pass
    return found


async def read_partition(topic, count, **config):
    async with consumer(**config) as reader:
        partition = TopicPartition(topic, 0)
        reader.assign([partition])
        await reader.seek_to_beginning(partition)
        return await read(reader, count)


def value_of(i):
    return f'{CODECS[i // PER_CODEC]}-{i}-{"x" * (i % PER_CODEC * 10)}'.encode()


async def records():
    topic = await new_topic()
    for at, codec in enumerate(CODECS):
        async with producer(acks='all', compression_type=codec, linger_ms=20) as client:
            for i in range(at * PER_CODEC, (at + 1) * PER_CODEC):
                key = f'k-{i}'.encode() if i % 2 == 0 else None
                headers = [('source', b'compat'), ('nothing', None)]
                last = await client.send(topic, value_of(i), key=key, headers=headers, timestamp_ms=1_700_000_000_000 + i)
            assert (await last).offset == (at + 1) * PER_CODEC - 1
    for acks in (0, 1):
        async with producer(acks=acks) as client:
            await client.send(topic, f'acks {acks}'.encode())
            await client.flush()
    async with producer() as client:
        await client.send_and_wait(topic, None, key=b'gone')
    found = await read_partition(topic, len(CODECS) * PER_CODEC + 3)
    for i, record in enumerate(found[:-3]):
        assert (record.offset, record.value, record.timestamp) == (i, value_of(i), 1_700_000_000_000 + i), record
        assert record.key == (f'k-{i}'.encode() if i % 2 == 0 else None)
        assert list(record.headers) == [('source', b'compat'), ('nothing', None)], record.headers
    assert [record.value for record in found[-3:]] == [b'acks 0', b'acks 1', None]


async def idempotence():
    topic = await new_topic()
    count = 2_000
    async with producer(enable_idempotence=True, max_batch_size=200) as client:
        futures = [await client.send(topic, str(i).encode(), partition=0) for i in range(count)]
        assert [(await future).offset for future in futures] == list(range(count))
    assert [record.value for record in await read_partition(topic, count)] == [str(i).encode() for i in range(count)]


def member(group, topic):
    return consumer(topic, group_id=group, session_timeout_ms=10_000, heartbeat_interval_ms=200)


async def until_owned(into, expected):
    """Polls every member until each owns as many partitions as expected."""
    while [len(joined.assignment()) for joined in expected] != list(expected.values()):
        for joined in expected:
            await poll(joined, into)


async def rebalance():
    topic, group, found = await new_topic(4), unique('group'), []
    async with member(group, topic) as first:
        await until_owned(found, {first: 4})
        async with member(group, topic) as second:
            await until_owned(found, {first: 2, second: 2})
            assert len(first.assignment() | second.assignment()) == 4
        await until_owned(found, {first: 4})
        for partition in range(4):
            await send(topic, partition, 'a', 'b')
        while await poll(first, found) < 8:
            pass


async def offsets():
    topic, group = await new_topic(), unique('group')
    partition = TopicPartition(topic, 0)
    await send(topic, 0, '1', '2', '3', '4', '5')
    async with member(group, topic) as before:
        await read(before, 5)
        await before.commit({partition: (3, 'half way')})
    async with member(group, topic) as after:
        assert [record.value for record in await read(after, 2)] == [b'4', b'5']
        assert await after.committed(partition) == 3
    async with admin() as client:
        committed = await client.list_consumer_group_offsets(group)
        assert committed[partition] == OffsetAndMetadata(3, 'half way'), committed


async def transactions():
    topic, source = await new_topic(), await new_topic()
    group, transactional_id = unique('group'), unique('transaction')
    async with producer(transactional_id=transactional_id) as client:
        for end in ('aborted', 'committed', 'open'):
            await client.begin_transaction()
            for i in range(3):
                await client.send_and_wait(topic, f'{end}-{i}'.encode())
            if end == 'aborted':
                await client.abort_transaction()
            elif end == 'committed':
                await client.send_offsets_to_transaction({TopicPartition(source, 0): 7}, group)
                await client.commit_transaction()
        visible = await read_partition(topic, 3, isolation_level='read_committed')
        assert [record.value for record in visible] == [b'committed-0', b'committed-1', b'committed-2'], visible
        assert len(await read_partition(topic, 9)) == 9
        async with producer(transactional_id=transactional_id):
            try:
                await client.commit_transaction()
            except KafkaError:
                pass
            else:
                raise AssertionError('The first producer was not fenced.')
    async with consumer(group_id=group) as reader:
        assert await reader.committed(TopicPartition(source, 0)) == 7


async def topics():
    topic = unique('aiokafka')
    async with admin() as client:
        await client.create_topics([NewTopic(topic, 2, 1, topic_configs={'retention.ms': '60000'})])
        again = await client.create_topics([NewTopic(topic, 2, 1)])
        assert again.topic_errors[0][1] != 0, again
        await client.create_partitions({topic: NewPartitions(5)})
        described = await client.describe_topics([topic])
        assert len(described[0]['partitions']) == 5, described
        assert topic in await client.list_topics()
        await client.delete_topics([topic])
        assert topic not in await client.list_topics()


async def configs():
    topic = await new_topic()
    async with admin() as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {'retention.ms': '1234'})])
        described = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        entries = {entry[0]: entry[1] for entry in described[0].resources[0][4]}
        assert entries['retention.ms'] == '1234', entries
        refused = await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {'no.such.key': '1'})])
        assert refused[0].resources[0][0] != 0, refused


async def groups():
    topic, group, found = await new_topic(2), unique('group'), []
    async with admin() as client:
        async with member(group, topic) as joined:
            await until_owned(found, {joined: 2})
            await joined.commit({TopicPartition(topic, 0): 7})
            assert 'Stable' in str(await client.describe_consumer_groups([group]))
        assert (group, 'consumer') in await client.list_consumer_groups()
        committed = await client.list_consumer_group_offsets(group)
        assert committed[TopicPartition(topic, 0)].offset == 7


async def positions():
    topic = await new_topic()
    partition = TopicPartition(topic, 0)
    async with producer() as client:
        for timestamp in (1000, 3000, 2000, 4000):
            await client.send_and_wait(topic, b'v', timestamp_ms=timestamp)
    async with consumer() as reader, admin() as client:
        assert await reader.beginning_offsets([partition]) == {partition: 0}
        assert await reader.end_offsets([partition]) == {partition: 4}
        assert (await reader.offsets_for_times({partition: 2500}))[partition].offset == 1
        assert (await reader.offsets_for_times({partition: 5000}))[partition] is None
        await client.delete_records({partition: RecordsToDelete(2)})
        assert await reader.beginning_offsets([partition]) == {partition: 2}
    assert (await read_partition(topic, 2))[0].offset == 2


async def cluster():
    async with admin() as client:
        described = await client.describe_cluster()
        assert len(described['brokers']) == 1, described
        assert len(described['cluster_id']) > 10, described


asyncio.run(asyncio.wait_for(globals()[sys.argv[2].replace('-', '_')](), DEADLINE_S))
