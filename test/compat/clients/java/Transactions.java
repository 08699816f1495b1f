/* The scenario of transactions: consume, transform, produce; abort; fencing. */
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

final class Transactions {
    static void run() throws Exception {
        String from = Client.topic(1);
        String to = Client.topic(1);
        String group = Client.unique("group");
        Client.send(from, 0, "1", "2", "3");
        String id = Client.unique("transaction");
        try (var producer = transactional(id); var consumer = Client.consumer(Map.of("group.id", group))) {
            consumer.subscribe(List.of(from));
            var records = Client.read(consumer, 3);
            pass(producer, to, "aborted-", records);
            producer.abortTransaction();
            pass(producer, to, "committed-", records);
            var next = Map.of(new TopicPartition(from, 0), new OffsetAndMetadata(3));
            producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
            producer.commitTransaction();
            pass(producer, to, "open-", records);
            var visible = Client.readPartition(to, 3, Map.of("isolation.level", "read_committed"));
            Client.equal(visible.stream().map(ConsumerRecord::value).toList(),
                    List.of("committed-1", "committed-2", "committed-3"));
            isFenced(id, producer);
        }
        try (var consumer = Client.consumer(Map.of("group.id", group))) {
            var partition = new TopicPartition(from, 0);
            Client.equal(consumer.committed(Set.of(partition)).get(partition).offset(), 3L);
        }
        Client.equal(Client.readPartition(to, 9, Map.of()).size(), 9);
    }

    private static KafkaProducer<String, String> transactional(String id) {
        var producer = Client.producer(Map.of("transactional.id", id));
        producer.initTransactions();
        return producer;
    }

    /** Begins a transaction and writes into it, up to the broker; the caller ends it. */
    private static void pass(
            KafkaProducer<String, String> producer, String topic, String prefix, List<ConsumerRecord<String, String>> records) {
        producer.beginTransaction();
        for (var record : records) producer.send(new ProducerRecord<>(topic, 0, "k", prefix + record.value()));
        producer.flush();
    }

    /** A second producer with the same id ends what the first had open, and the first can write no more. */
    private static void isFenced(String id, KafkaProducer<String, String> first) {
        try (var second = transactional(id)) {
            try {
                first.commitTransaction();
                throw new AssertionError("The first producer was not fenced.");
            } catch (KafkaException fenced) {
                Client.isTrue(fenced.toString(), fenced.toString().contains("Fenced") || fenced.toString().contains("epoch"));
            }
        }
    }
}
