/*
 * Apache Kafka's own Java client and admin against our transactions: `java TransactionRules <bootstrap>` ends with 0, or
 * with the first failure on stderr. Everyday use is Transactions.java; these are the rules at the edges: timeouts,
 * fencing by an administrator, hanging transactions, many partitions, unstable offsets. The broker is expected to look
 * for timed-out transactions every few hundred milliseconds (../transaction-rules.test.ts starts it so).
 */
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public final class TransactionRules {
    private static final Duration DEADLINE = Duration.ofSeconds(90);
    private static String bootstrap;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        manyTransactionsInARow();
        rolledBackInTheMiddle();
        timedOut();
        fencedByAdministrator();
        described();
        unstableOffsets();
        Runtime.getRuntime().halt(0);
    }

    /** Over twenty partitions, every third aborted: exactly the committed ones are read, and nothing hangs. */
    private static void manyTransactionsInARow() throws Exception {
        String topic = topic(20);
        Set<String> expected = new TreeSet<>();
        try (var producer = producer(unique("row"), Map.of("linger.ms", "0"))) {
            for (int i = 0; i < 60; i++) {
                producer.beginTransaction();
                for (int j = 0; j < 5; j++) {
                    producer.send(new ProducerRecord<>(topic, (i * 7 + j * 3) % 20, "k", i + "/" + j));
                    if (i % 3 != 0) expected.add(i + "/" + j);
                }
                // Without the flush the 4.4 client now and then loses sight of what it sends after such an abort: it spins
                // without asking us anything, or commits without having sent anything. With 3.9 that was not seen.
                if (i % 3 == 0) producer.flush();
                if (i % 3 == 0) producer.abortTransaction(); else producer.commitTransaction();
            }
        }
        equal(new TreeSet<>(committed(topic, 20)), expected);
    }

    /** An abort before anything reached the broker, and one after: the producer goes on either way. */
    private static void rolledBackInTheMiddle() throws Exception {
        String topic = topic(1);
        try (var producer = producer(unique("empty"), Map.of())) {
            producer.beginTransaction();
            producer.abortTransaction();
            producer.beginTransaction();
            producer.commitTransaction();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, "k", "aborted")).get();
            producer.abortTransaction();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, "k", "kept")).get();
            producer.commitTransaction();
        }
        equal(committed(topic, 1), List.of("kept"));
    }

    /** A transaction that stays open too long is aborted, and its producer cannot commit it any more. */
    private static void timedOut() throws Exception {
        String topic = topic(1);
        try (var producer = producer(unique("slow"), Map.of("transaction.timeout.ms", "1000"))) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, "k", "late")).get();
            var end = new HashMap<TopicPartition, Long>();
            until("the transaction is aborted", () -> {
                try (var consumer = consumer(Map.of("isolation.level", "read_committed"))) {
                    end.putAll(consumer.endOffsets(List.of(new TopicPartition(topic, 0))));
                    return end.get(new TopicPartition(topic, 0)) == 2;
                }
            });
            fails("commit after the timeout", () -> {
                producer.commitTransaction();
                return null;
            });
        }
        equal(committed(topic, 1), List.of());
        fails("a timeout above transaction.max.timeout.ms", () -> {
            producer(unique("long"), Map.of("transaction.timeout.ms", "900001")).close();
            return null;
        });
    }

    private static void fencedByAdministrator() throws Exception {
        String topic = topic(1);
        String id = unique("fenced");
        try (var producer = producer(id, Map.of()); var admin = admin()) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, "k", "fenced")).get();
            admin.fenceProducers(List.of(id)).all().get();
            fails("commit of a fenced producer", () -> {
                producer.commitTransaction();
                return null;
            });
        }
        equal(committed(topic, 1), List.of());
    }

    /** What an administrator sees of an open transaction, and how it is ended by hand. */
    private static void described() throws Exception {
        String topic = topic(2);
        String id = unique("seen");
        try (var producer = producer(id, Map.of()); var admin = admin()) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 1, "k", "open")).get();
            var partition = new TopicPartition(topic, 1);
            var listed = admin.listTransactions(new ListTransactionsOptions()
                    .filterStates(Set.of(TransactionState.ONGOING))).all().get();
            isTrue("it is listed", listed.stream().anyMatch(t -> t.transactionalId().equals(id)));
            var described = admin.describeTransactions(List.of(id)).description(id).get();
            equal(described.state(), TransactionState.ONGOING);
            equal(described.topicPartitions(), Set.of(partition));
            isTrue("it has begun", described.transactionStartTimeMs().isPresent());
            var states = admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
            equal(states.size(), 1);
            var state = states.get(0);
            equal(state.producerId(), described.producerId());
            equal(state.currentTransactionStartOffset().getAsLong(), 0L);
            admin.abortTransaction(new AbortTransactionSpec(
                    partition, state.producerId(), (short) state.producerEpoch(), state.coordinatorEpoch().orElse(0))).all().get();
            var after = admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
            isTrue("nothing is open", after.get(0).currentTransactionStartOffset().isEmpty());
        }
        equal(committed(topic, 2), List.of());
    }

    /** Offsets inside a transaction are not seen before its end, and who asks for stable ones waits for it (KIP-447). */
    private static void unstableOffsets() throws Exception {
        String topic = topic(1);
        String group = unique("group");
        var partition = new TopicPartition(topic, 0);
        try (var plain = plainProducer()) {
            for (int i = 0; i < 5; i++) plain.send(new ProducerRecord<>(topic, 0, "k", "v" + i)).get();
        }
        try (var producer = producer(unique("offsets"), Map.of());
                var consumer = consumer(Map.of("group.id", group, "isolation.level", "read_committed"))) {
            consumer.subscribe(List.of(topic));
            until("five records", () -> !consumer.poll(Duration.ofMillis(100)).isEmpty());
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(5, "five")), consumer.groupMetadata());
            try (var other = consumer(Map.of("group.id", group, "default.api.timeout.ms", "1500"))) {
                fails("stable offsets while the transaction is open", () -> other.committed(Set.of(partition)));
            }
            producer.abortTransaction();
            try (var other = consumer(Map.of("group.id", group))) {
                equal(other.committed(Set.of(partition)).get(partition), null);
            }
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(4, "four")), consumer.groupMetadata());
            producer.commitTransaction();
            try (var other = consumer(Map.of("group.id", group))) {
                var offset = other.committed(Set.of(partition)).get(partition);
                equal(offset.offset(), 4L);
                equal(offset.metadata(), "four");
            }
        }
    }

    private static KafkaProducer<String, String> producer(String id, Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "transactional.id", id));
        all.putAll(config);
        var producer = new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    private static KafkaProducer<String, String> plainProducer() {
        return new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), new StringSerializer(), new StringSerializer());
    }

    private static KafkaConsumer<String, String> consumer(Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "bootstrap.servers", bootstrap, "auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        all.putAll(config);
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    private static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    /** Every record a read_committed consumer gets up to the end of the topic. */
    private static List<String> committed(String topic, int partitions) {
        List<TopicPartition> all = new ArrayList<>();
        for (int i = 0; i < partitions; i++) all.add(new TopicPartition(topic, i));
        List<String> values = new ArrayList<>();
        try (var consumer = consumer(Map.of("isolation.level", "read_committed"))) {
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = new HashMap<>();
            try (var uncommitted = consumer(Map.of())) {
                // Up to the very end, so that a transaction that hangs is noticed.
                ends.putAll(uncommitted.endOffsets(all));
            }
            until("the end of " + topic, () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50))) values.add(record.value());
                return all.stream().allMatch(partition -> consumer.position(partition) >= ends.get(partition));
            });
        }
        equal(new HashSet<>(values).size(), values.size());
        return values;
    }

    private static String topic(int partitions) throws Exception {
        String topic = unique("rules");
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
        return topic;
    }

    private static String unique(String prefix) {
        return prefix + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    private static void fails(String what, Callable<?> work) throws Exception {
        try {
            work.call();
        } catch (KafkaException expected) {
            return;
        }
        throw new AssertionError("It did not fail: " + what);
    }

    private static void until(String what, Callable<Boolean> isTrue) {
        long deadline = System.nanoTime() + DEADLINE.toNanos();
        try {
            while (!isTrue.call()) {
                if (System.nanoTime() > deadline) throw new AssertionError("Not within " + DEADLINE + ": " + what);
            }
        } catch (RuntimeException error) {
            throw error;
        } catch (Exception error) {
            throw new AssertionError(what, error);
        }
    }

    private static void equal(Object actual, Object expected) {
        boolean isEqual = actual == null ? expected == null : actual.equals(expected);
        if (!isEqual) throw new AssertionError(actual + " is not " + expected);
    }

    private static void isTrue(String what, boolean value) {
        if (!value) throw new AssertionError("Not so: " + what);
    }
}
