/*
 * Apache Kafka's own Java client against our broker: `java Client <bootstrap> <scenario>` ends with 0, or with the
 * failure on stderr. What each scenario means stands in ../scenarios.ts. The same source is compiled against every
 * version of the client that is examined.
 */
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public final class Client {
    /** For what a client does in its own time: a join, a rebalance, a metadata refresh. */
    private static final Duration DEADLINE = Duration.ofSeconds(90);

    interface Scenario {
        void run() throws Exception;
    }

    static String bootstrap;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        Map<String, Scenario> scenarios = Map.ofEntries(
                Map.entry("records", Records::roundTrip),
                Map.entry("idempotence", Records::idempotence),
                Map.entry("rebalance", Groups::classicRebalance),
                Map.entry("cooperative", Groups::cooperativeRebalance),
                Map.entry("offsets", Groups::offsets),
                Map.entry("consumer-protocol", Groups::consumerProtocol),
                Map.entry("transactions", Transactions::run),
                Map.entry("topics", Administration::topics),
                Map.entry("configs", Administration::configs),
                Map.entry("groups", Administration::groups),
                Map.entry("positions", Administration::positions),
                Map.entry("cluster", Administration::cluster));
        scenarios.get(args[1]).run();
        // Some clients leave threads behind that would hold the process for seconds.
        Runtime.getRuntime().halt(0);
    }

    static KafkaProducer<String, String> producer(Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "acks", "all"));
        all.putAll(config);
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "bootstrap.servers", bootstrap, "auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        all.putAll(config);
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    static String unique(String prefix) {
        return prefix + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    static String topic(int partitions) throws Exception {
        String topic = unique("java");
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
        return topic;
    }

    static void send(String topic, int partition, String... values) throws Exception {
        try (var producer = producer(Map.of())) {
            for (String value : values) producer.send(new ProducerRecord<>(topic, partition, "k", value)).get();
        }
    }

    /** Polls until `count` records arrived. */
    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        until(count + " records", () -> {
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            return records.size() >= count;
        });
        return records;
    }

    static List<ConsumerRecord<String, String>> readPartition(String topic, int count, Map<String, Object> config) {
        try (var consumer = consumer(config)) {
            var partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            return read(consumer, count);
        }
    }

    static void until(String what, BooleanSupplier isTrue) {
        long deadline = System.nanoTime() + DEADLINE.toNanos();
        while (!isTrue.getAsBoolean()) {
            if (System.nanoTime() > deadline) throw new AssertionError("Not within " + DEADLINE + ": " + what);
        }
    }

    static void equal(Object actual, Object expected) {
        if (!Objects.equals(actual, expected)) throw new AssertionError(actual + " is not " + expected);
    }

    static void isTrue(String what, boolean value) {
        if (!value) throw new AssertionError("Not so: " + what);
    }
}
