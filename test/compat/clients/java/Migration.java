/*
 * A roll-out of the new consumer protocol (KIP-848) and back again, under load, by Apache Kafka's own Java consumers:
 * `java Migration <bootstrap> <range|cooperative-sticky>` ends with 0, or with what went wrong on stderr. A line on
 * stdout says where it is: the parent may kill the broker at any of them (../migration.test.ts).
 *
 * Members of both protocols work in one group. No partition may be read by two of them at a time, no record may be lost,
 * and where nobody kills anything hardly one may be read twice: a commit can meet the rebalance that takes its partition away
 * (Apache Kafka 4.3.1 gave 0 to 2 records in six runs of this program).
 */
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public final class Migration {
    private static final int PARTITIONS = 6;
    private static final int INSTANCES = 3;
    /** Two for each time an instance is replaced. */
    private static final int READ_AGAIN_MAX = 4 * INSTANCES;
    private static final Duration DEADLINE = Duration.ofSeconds(60);
    private static final String topic = "migration-" + System.nanoTime();
    private static final String group = "migrating-" + System.nanoTime();

    private static String bootstrap;
    private static String assignor;
    /** Who reads a partition now. */
    private static final Map<TopicPartition, Instance> owners = new ConcurrentHashMap<>();
    /** How often each offset of each partition was read. */
    private static final Map<TopicPartition, Map<Long, AtomicLong>> read = new ConcurrentHashMap<>();
    private static final ConcurrentLinkedQueue<String> faults = new ConcurrentLinkedQueue<>();

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        assignor = args[1];
        boolean isKilled = args.length > 2;
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        }
        Load load = new Load();
        List<Instance> instances = new ArrayList<>();
        for (int i = 0; i < INSTANCES; i++) instances.add(new Instance("classic"));
        settle(instances, "classic");
        for (String protocol : List.of("consumer", "classic")) {
            for (int i = 0; i < INSTANCES; i++) {
                say("roll " + protocol + " " + i);
                instances.set(i, instances.get(i).replacedBy(protocol));
                boolean isLast = i == INSTANCES - 1;
                // Members of both protocols are a consumer group: until the last classic one is gone, or comes.
                settle(instances, protocol.equals("consumer") || !isLast ? "consumer" : "classic");
            }
        }
        say("end");
        Map<TopicPartition, Long> sent = load.end();
        until("everything is read", () -> sent.entrySet().stream().allMatch((entry) -> count(entry.getKey()) >= entry.getValue()));
        for (Instance instance : instances) instance.stop();
        long doubles = read.values().stream().flatMap((offsets) -> offsets.values().stream()).filter((times) -> times.get() > 1).count();
        long total = sent.values().stream().mapToLong(Long::longValue).sum();
        say(total + " records, " + doubles + " read again, " + faults.size() + " faults");
        if (doubles > READ_AGAIN_MAX && !isKilled) faults.add(doubles + " records were read twice");
        if (!faults.isEmpty()) {
            System.err.println(String.join("\n", faults));
            Runtime.getRuntime().halt(1);
        }
        Runtime.getRuntime().halt(0);
    }

    private static long count(TopicPartition partition) {
        return read.getOrDefault(partition, Map.of()).size();
    }

    private static void say(String what) {
        System.out.println(what);
        System.out.flush();
    }

    /** Every partition has an owner, every member works, and the group is of the type it should be. */
    private static void settle(List<Instance> instances, String type) throws Exception {
        until("all partitions have owners", () -> owners.size() == PARTITIONS
                && instances.stream().allMatch((instance) -> owners.containsValue(instance)));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            until("the group is of type " + type, () -> {
                try {
                    return admin.listConsumerGroups().all().get().stream().anyMatch((listing) ->
                            listing.groupId().equals(group) && listing.type().get().toString().equalsIgnoreCase(type));
                } catch (Exception error) {
                    return false;
                }
            });
        }
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    private static void until(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + DEADLINE.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                System.err.println("Not within " + DEADLINE + ": " + what + "; owners " + owners + "; faults " + faults);
                Runtime.getRuntime().halt(1);
            }
            Thread.sleep(20);
        }
    }

    /** Writes on and on, evenly; what a broken connection loses is sent again by the producer itself. */
    private static final class Load {
        private final Thread thread = new Thread(this::run);
        private final Map<TopicPartition, Long> ends = new ConcurrentHashMap<>();
        private volatile boolean isOver = false;

        Load() {
            thread.start();
        }

        private void run() {
            Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all");
            try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
                for (int n = 0; !isOver; n++) {
                    producer.send(new ProducerRecord<>(topic, n % PARTITIONS, "k", "v" + n), (metadata, error) -> {
                        if (error != null) faults.add("not sent: " + error);
                        else ends.merge(new TopicPartition(topic, metadata.partition()), metadata.offset() + 1, Math::max);
                    });
                    Thread.sleep(1);
                }
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        }

        Map<TopicPartition, Long> end() throws InterruptedException {
            isOver = true;
            thread.join();
            return ends;
        }
    }

    /** One process of an application: a consumer in a thread of its own. */
    private static final class Instance implements ConsumerRebalanceListener {
        private final String protocol;
        private final Thread thread = new Thread(this::run);
        private KafkaConsumer<String, String> consumer;
        private volatile boolean isOver = false;

        Instance(String protocol) {
            this.protocol = protocol;
            thread.start();
        }

        Instance replacedBy(String protocol) throws InterruptedException {
            stop();
            return new Instance(protocol);
        }

        void stop() throws InterruptedException {
            isOver = true;
            thread.join();
        }

        private void run() {
            Map<String, Object> config = new HashMap<>(Map.of(
                    "bootstrap.servers", bootstrap, "group.id", group, "group.protocol", protocol,
                    "auto.offset.reset", "earliest", "enable.auto.commit", "false"));
            if (protocol.equals("classic")) {
                config.put("heartbeat.interval.ms", 200);
                // Who leaves while the broker is away is missed for this long.
                config.put("session.timeout.ms", 6000);
                config.put("partition.assignment.strategy", assignor.equals("range")
                        ? "org.apache.kafka.clients.consumer.RangeAssignor"
                        : "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
            }
            consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
            try {
                consumer.subscribe(List.of(topic), this);
                while (!isOver) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) note(record);
                    commit();
                }
                consumer.close();
            } catch (KafkaException error) {
                faults.add(protocol + ": " + error);
            }
        }

        private void note(ConsumerRecord<String, String> record) {
            var partition = new TopicPartition(record.topic(), record.partition());
            if (owners.get(partition) != this) faults.add(partition + " is read by somebody who does not own it");
            read.computeIfAbsent(partition, (key) -> new ConcurrentHashMap<>())
                    .computeIfAbsent(record.offset(), (key) -> new AtomicLong()).incrementAndGet();
        }

        private void commit() {
            try {
                consumer.commitSync(Duration.ofSeconds(20));
            } catch (CommitFailedException | RebalanceInProgressException | TimeoutException error) {
                // The rebalance that follows commits, or the records are read again: both are counted.
            }
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            for (TopicPartition partition : partitions) {
                Instance other = owners.put(partition, this);
                if (other != null && other != this) faults.add(partition + " has two owners: " + other.protocol + " and " + protocol);
            }
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            commit();
            owners.keySet().removeAll(partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            // Somebody else may have them by now: they are not this one's to remove.
            for (TopicPartition partition : partitions) owners.remove(partition, this);
        }
    }
}
