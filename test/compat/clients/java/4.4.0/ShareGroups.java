/*
 * Apache Kafka's own share consumer and admin against our share groups (KIP-932): `java ShareGroups <bootstrap> <scenario>`
 * ends with 0, or with the first failure on stderr. Only the 4.x client has them. The broker is expected to let locks end
 * after seconds, where a group asks for that (../../share-groups.test.ts starts it so).
 */
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.serialization.StringDeserializer;

public final class ShareGroups {
    private static final Map<String, Object> EXPLICIT = Map.of("share.acknowledgement.mode", "explicit");
    /** The shortest the broker of the test allows. */
    private static final String SHORT_LOCK_MS = "2000";

    public static void main(String[] args) throws Exception {
        Client.bootstrap = args[0];
        Map<String, Client.Scenario> scenarios = Map.ofEntries(
                Map.entry("implicit", ShareGroups::implicit),
                Map.entry("explicit", ShareGroups::explicit),
                Map.entry("shared", ShareGroups::shared),
                Map.entry("rebalance", ShareGroups::rebalance),
                Map.entry("lock", ShareGroups::lock),
                Map.entry("renewal", ShareGroups::renewal),
                Map.entry("limit", ShareGroups::limit),
                Map.entry("strict", ShareGroups::strict),
                Map.entry("closed", ShareGroups::closed),
                Map.entry("committed", ShareGroups::committed),
                Map.entry("admin", ShareGroups::admin));
        scenarios.get(args[1]).run();
        // Some clients leave threads behind that would hold the process for seconds.
        Runtime.getRuntime().halt(0);
    }

    /** The next poll acknowledges what the last one gave; nobody gets it again. */
    private static void implicit() throws Exception {
        String topic = Client.topic(2);
        String group = group(Map.of());
        for (int partition = 0; partition < 2; partition++) Client.send(topic, partition, values(50));
        try (var consumer = consumer(group, topic, Map.of())) {
            List<ConsumerRecord<String, String>> records = read(consumer, 100);
            Client.equal(offsets(records).size(), 100);
            for (var record : records) Client.equal(record.deliveryCount().orElseThrow(), (short) 1);
            nothing(consumer);
        }
        try (var other = consumer(group, topic, Map.of())) {
            nothing(other);
            Client.send(topic, 0, "new");
            Client.equal(read(other, 1).get(0).value(), "new");
        }
    }

    /** What is accepted and what is rejected is done; what is released comes again, counted. */
    private static void explicit() throws Exception {
        String topic = Client.topic(1);
        String group = group(Map.of());
        Client.send(topic, 0, values(9));
        try (var consumer = consumer(group, topic, EXPLICIT)) {
            for (var record : read(consumer, 9)) consumer.acknowledge(record, typeOf(record.offset()));
            commit(consumer);
            var again = read(consumer, 3);
            Client.equal(offsets(again), Set.of("0/1", "0/4", "0/7"));
            for (var record : again) {
                Client.equal(record.deliveryCount().orElseThrow(), (short) 2);
                consumer.acknowledge(record, AcknowledgeType.ACCEPT);
            }
            commit(consumer);
            nothing(consumer);
        }
        Client.equal(lag(group, topic), 0L);
    }

    private static AcknowledgeType typeOf(long offset) {
        return List.of(AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT).get((int) (offset % 3));
    }

    /** Four members read one partition at the same time: each record goes to one of them, and nobody goes hungry. */
    private static void shared() throws Exception {
        String topic = Client.topic(1);
        String group = group(Map.of());
        List<KafkaShareConsumer<String, String>> members = new ArrayList<>();
        for (int i = 0; i < 4; i++) members.add(consumer(group, topic, Map.of("max.poll.records", 10)));
        for (int round = 0; round < 10; round++) for (var member : members) member.poll(Duration.ofMillis(20));
        for (int batch = 0; batch < 40; batch++) Client.send(topic, 0, values(10));
        Map<Integer, Set<Long>> seen = new TreeMap<>();
        Client.until("400 records", () -> {
            for (int i = 0; i < 4; i++) {
                for (var record : members.get(i).poll(Duration.ofMillis(50))) {
                    seen.computeIfAbsent(i, key -> new HashSet<>()).add(record.offset());
                }
            }
            return seen.values().stream().mapToInt(Set::size).sum() >= 400;
        });
        Set<Long> all = new HashSet<>();
        seen.values().forEach(all::addAll);
        Client.equal(all.size(), 400);
        Client.equal(seen.size(), 4);
        for (var member : members) {
            commit(member);
            member.close();
        }
        Client.equal(lag(group, topic), 0L);
    }

    /** Members come and go while records are written: each is read, and none that was acknowledged is read twice. */
    private static void rebalance() throws Exception {
        String topic = Client.topic(4);
        String group = group(Map.of());
        Set<String> seen = new TreeSet<>();
        try (var first = consumer(group, topic, Map.of())) {
            Client.until("the first reads all", () -> assigned(group, first) == 4);
            for (int partition = 0; partition < 4; partition++) Client.send(topic, partition, values(10));
            seen.addAll(offsets(read(first, 40)));
            try (var second = consumer(group, topic, Map.of())) {
                Client.until("each reads two", () -> assigned(group, first, second) == 4 & members(group) == 2);
                for (int partition = 0; partition < 4; partition++) Client.send(topic, partition, values(10));
                int before = seen.size();
                Client.until("40 more", () -> {
                    first.poll(Duration.ofMillis(50)).forEach(record -> seen.add(name(record)));
                    second.poll(Duration.ofMillis(50)).forEach(record -> seen.add(name(record)));
                    return seen.size() >= before + 40;
                });
            }
            Client.until("the first reads all again", () -> assigned(group, first) == 4 & members(group) == 1);
            for (int partition = 0; partition < 4; partition++) Client.send(topic, partition, values(10));
            seen.addAll(offsets(read(first, 40)));
        }
        Client.equal(seen.size(), 120);
    }

    /** A member that says nothing loses its records to another one. */
    private static void lock() throws Exception {
        String topic = Client.topic(1);
        String group = group(Map.of("share.record.lock.duration.ms", SHORT_LOCK_MS));
        Client.send(topic, 0, values(5));
        try (var slow = consumer(group, topic, EXPLICIT); var quick = consumer(group, topic, EXPLICIT)) {
            Client.equal(read(slow, 5).size(), 5);
            Client.equal(slow.acquisitionLockTimeoutMs().orElseThrow(), Integer.parseInt(SHORT_LOCK_MS));
            var again = read(quick, 5);
            for (var record : again) {
                Client.equal(record.deliveryCount().orElseThrow(), (short) 2);
                quick.acknowledge(record);
            }
            commit(quick);
            nothing(quick);
        }
        Client.equal(lag(group, topic), 0L);
    }

    /** A member that needs longer says so, and keeps its records for that long again. */
    private static void renewal() throws Exception {
        String topic = Client.topic(1);
        String group = group(Map.of("share.record.lock.duration.ms", SHORT_LOCK_MS));
        Client.send(topic, 0, values(3));
        try (var slow = consumer(group, topic, EXPLICIT); var quick = consumer(group, topic, EXPLICIT)) {
            var records = read(slow, 3);
            long end = System.nanoTime() + Duration.ofMillis(2 * Long.parseLong(SHORT_LOCK_MS)).toNanos();
            while (System.nanoTime() < end) {
                for (var record : records) slow.acknowledge(record, AcknowledgeType.RENEW);
                commit(slow);
                List<ConsumerRecord<String, String>> renewed = new ArrayList<>();
                Client.until("the renewed records", () -> {
                    slow.poll(Duration.ofMillis(100)).forEach(renewed::add);
                    return renewed.size() >= 3;
                });
                Client.isTrue("nobody else has them", quick.poll(Duration.ofMillis(100)).isEmpty());
                records = renewed;
            }
            for (var record : records) slow.acknowledge(record);
            commit(slow);
            nothing(quick);
        }
        Client.equal(lag(group, topic), 0L);
    }

    /** A record that nobody can use is given up after as many deliveries as the group allows. */
    private static void limit() throws Exception {
        String topic = Client.topic(1);
        String group = group(Map.of());
        Client.send(topic, 0, "poison");
        try (var consumer = consumer(group, topic, EXPLICIT)) {
            for (short delivery = 1; delivery <= 5; delivery++) {
                var record = read(consumer, 1).get(0);
                Client.equal(record.deliveryCount().orElseThrow(), delivery);
                consumer.acknowledge(record, AcknowledgeType.RELEASE);
                commit(consumer);
            }
            nothing(consumer);
            Client.send(topic, 0, "good");
            var good = read(consumer, 1).get(0);
            Client.equal(good.value(), "good");
            consumer.acknowledge(good);
        }
    }

    /** No poll gives more records than asked for, even where that cuts a record batch (KIP-1206). */
    private static void strict() throws Exception {
        String topic = Client.topic(1);
        String group = group(Map.of());
        try (var producer = Client.producer(Map.of("linger.ms", 1000, "batch.size", 1_000_000))) {
            for (String value : values(100)) producer.send(new ProducerRecord<>(topic, 0, "k", value));
        }
        Map<String, Object> config = new HashMap<>(Map.of("share.acquire.mode", "record_limit", "max.poll.records", 7));
        try (var consumer = consumer(group, topic, config)) {
            Set<Long> seen = new HashSet<>();
            Client.until("100 records", () -> {
                var records = consumer.poll(Duration.ofMillis(200));
                Client.isTrue("at most seven at a time", records.count() <= 7);
                records.forEach(record -> seen.add(record.offset()));
                return seen.size() >= 100;
            });
        }
    }

    /** What a member has not acknowledged when it leaves is for the others at once. */
    private static void closed() throws Exception {
        String topic = Client.topic(1);
        String group = group(Map.of());
        Client.send(topic, 0, values(20));
        try (var first = consumer(group, topic, EXPLICIT)) {
            var records = read(first, 20);
            for (var record : records.subList(0, 8)) first.acknowledge(record);
            commit(first);
        }
        try (var second = consumer(group, topic, Map.of())) {
            Client.equal(offsets(read(second, 12)).size(), 12);
            nothing(second);
        }
        Client.equal(lag(group, topic), 0L);
    }

    /** With read_committed nothing of an open or aborted transaction is delivered; without, everything is. */
    private static void committed() throws Exception {
        String topic = Client.topic(1);
        String committed = group(Map.of("share.isolation.level", "read_committed"));
        String uncommitted = group(Map.of());
        try (var producer = Client.producer(Map.of("transactional.id", Client.unique("tx")));
                var strict = consumer(committed, topic, Map.of());
                var loose = consumer(uncommitted, topic, Map.of())) {
            producer.initTransactions();
            for (int i = 0; i < 6; i++) {
                producer.beginTransaction();
                for (int j = 0; j < 5; j++) producer.send(new ProducerRecord<>(topic, 0, "k", (i % 2 == 0 ? "yes" : "no") + i + j));
                producer.flush();
                if (i % 2 == 0) producer.commitTransaction();
                else producer.abortTransaction();
            }
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, "k", "open")).get();
            for (var record : read(strict, 15)) Client.isTrue(record.value(), record.value().startsWith("yes"));
            nothing(strict);
            Client.equal(offsets(read(loose, 31)).size(), 31);
            producer.commitTransaction();
            Client.equal(read(strict, 1).get(0).value(), "open");
            nothing(strict);
        }
        Client.equal(lag(committed, topic), 0L);
    }

    /** Listed, described, with lag; altered, deleted, and refused while somebody is there. */
    private static void admin() throws Exception {
        String topic = Client.topic(2);
        var partition = new TopicPartition(topic, 0);
        String group = group(Map.of());
        Client.send(topic, 0, values(10));
        try (var admin = Client.admin()) {
            try (var consumer = consumer(group, topic, Map.of())) {
                Client.equal(read(consumer, 10).size(), 10);
                consumer.commitSync();
                var listing = admin.listGroups(ListGroupsOptions.forShareGroups()).all().get().stream()
                        .filter(each -> each.groupId().equals(group)).findFirst().orElseThrow();
                Client.equal(listing.type().orElseThrow(), GroupType.SHARE);
                Client.equal(listing.groupState().orElseThrow(), GroupState.STABLE);
                var description = admin.describeShareGroups(List.of(group)).all().get().get(group);
                Client.equal(description.members().size(), 1);
                var member = description.members().iterator().next();
                Client.equal(member.assignment().topicPartitions(), Set.of(partition, new TopicPartition(topic, 1)));
                Client.equal(cause(() -> admin.deleteShareGroups(List.of(group)).all().get()), GroupNotEmptyException.class);
                Client.equal(
                        cause(() -> admin.alterShareGroupOffsets(group, Map.of(partition, 0L)).all().get()),
                        GroupNotEmptyException.class);
            }
            Client.equal(lag(group, topic), 0L);
            admin.alterShareGroupOffsets(group, Map.of(partition, 4L)).all().get();
            Client.equal(place(group, partition), 4L);
            Client.equal(lag(group, topic), 6L);
            try (var consumer = consumer(group, topic, Map.of())) {
                Client.equal(offsets(read(consumer, 6)), Set.of("0/4", "0/5", "0/6", "0/7", "0/8", "0/9"));
            }
            admin.deleteShareGroupOffsets(group, Set.of(topic)).all().get();
            Client.equal(offsetsOf(group).containsKey(partition), false);
            try (var consumer = consumer(group, topic, Map.of())) {
                Client.equal(read(consumer, 10).size(), 10);
            }
            admin.deleteShareGroups(List.of(group)).all().get();
            var groups = admin.listGroups(ListGroupsOptions.forShareGroups()).all().get();
            Client.isTrue("the group is gone", groups.stream().noneMatch(each -> each.groupId().equals(group)));
        }
    }

    /** A name, with its configs set: a group begins at the start of the log unless told otherwise. */
    private static String group(Map<String, String> config) throws Exception {
        String group = Client.unique("share");
        Map<String, String> all = new HashMap<>(Map.of("share.auto.offset.reset", "earliest"));
        all.putAll(config);
        List<AlterConfigOp> ops = new ArrayList<>();
        all.forEach((key, value) -> ops.add(new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET)));
        try (var admin = Client.admin()) {
            admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, group), ops)).all().get();
        }
        return group;
    }

    private static KafkaShareConsumer<String, String> consumer(String group, String topic, Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", Client.bootstrap, "group.id", group));
        all.putAll(config);
        var consumer = new KafkaShareConsumer<>(all, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    private static String[] values(int count) {
        return IntStream.range(0, count).mapToObj(i -> "v" + i).toArray(String[]::new);
    }

    private static List<ConsumerRecord<String, String>> read(KafkaShareConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        Client.until(count + " records", () -> {
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            return records.size() >= count;
        });
        Client.equal(records.size(), count);
        return records;
    }

    private static void nothing(KafkaShareConsumer<String, String> consumer) {
        for (int i = 0; i < 5; i++) {
            for (var record : consumer.poll(Duration.ofMillis(100))) throw new AssertionError("Came again: " + record);
        }
    }

    private static void commit(KafkaShareConsumer<String, String> consumer) {
        consumer.commitSync().forEach((partition, error) -> {
            if (error.isPresent()) throw new AssertionError(partition + ": " + error.get());
        });
    }

    private static String name(ConsumerRecord<String, String> record) {
        return record.partition() + "/" + record.offset();
    }

    private static Set<String> offsets(List<ConsumerRecord<String, String>> records) {
        Set<String> names = new TreeSet<>();
        records.forEach(record -> names.add(name(record)));
        return names;
    }

    @SafeVarargs
    private static int assigned(String group, KafkaShareConsumer<String, String>... consumers) {
        for (var consumer : consumers) consumer.poll(Duration.ofMillis(50));
        return members(group, true);
    }

    private static int members(String group) {
        return members(group, false);
    }

    /** How many members the group has, or how many partitions they read. */
    private static int members(String group, boolean countPartitions) {
        try (var admin = Client.admin()) {
            var members = admin.describeShareGroups(List.of(group)).all().get().get(group).members();
            if (!countPartitions) return members.size();
            Set<TopicPartition> partitions = new HashSet<>();
            members.forEach(member -> partitions.addAll(member.assignment().topicPartitions()));
            return partitions.size();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static Map<TopicPartition, Long> offsetsOf(String group) throws Exception {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        try (var admin = Client.admin()) {
            var spec = Map.of(group, new ListShareGroupOffsetsSpec());
            admin.listShareGroupOffsets(spec).partitionsToOffsetInfo(group).get()
                    .forEach((partition, info) -> {
                        if (info != null) offsets.put(partition, info.startOffset());
                    });
        }
        return offsets;
    }

    private static long place(String group, TopicPartition partition) throws Exception {
        return offsetsOf(group).get(partition);
    }

    private static long lag(String group, String topic) throws Exception {
        try (Admin admin = Client.admin()) {
            var spec = Map.of(group, new ListShareGroupOffsetsSpec());
            return admin.listShareGroupOffsets(spec).partitionsToOffsetInfo(group).get().entrySet().stream()
                    .filter(entry -> entry.getKey().topic().equals(topic) && entry.getValue() != null)
                    .mapToLong(entry -> entry.getValue().lag().orElseThrow())
                    .sum();
        }
    }

    private static Class<?> cause(Client.Scenario scenario) throws Exception {
        try {
            scenario.run();
        } catch (ExecutionException e) {
            return e.getCause().getClass();
        }
        return null;
    }
}
