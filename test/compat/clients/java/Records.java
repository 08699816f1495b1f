/* Scenarios of producing and consuming. */
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

final class Records {
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final int PER_CODEC = 100;

    static void roundTrip() throws Exception {
        String topic = Client.topic(1);
        for (String codec : CODECS) sendWith(topic, codec);
        sendWithoutWaiting(topic);
        int total = CODECS.size() * PER_CODEC + 3;
        var records = Client.readPartition(topic, total, Map.of("check.crcs", "true"));
        Client.equal(records.size(), total);
        for (int i = 0; i < CODECS.size() * PER_CODEC; i++) check(records.get(i), i);
        for (String acks : List.of("0", "1")) {
            Client.isTrue("acks=" + acks + " arrived", records.stream().anyMatch(r -> ("acks " + acks).equals(r.value())));
        }
        var tombstone = records.stream().filter(r -> r.value() == null).findFirst().orElseThrow();
        Client.equal(tombstone.key(), "gone");
    }

    private static String value(int i) {
        return CODECS.get(i / PER_CODEC) + "-" + i + "-" + "x".repeat(i % PER_CODEC * 10);
    }

    private static void sendWith(String topic, String codec) throws Exception {
        int from = CODECS.indexOf(codec) * PER_CODEC;
        try (var producer = Client.producer(Map.of("compression.type", codec, "linger.ms", 20))) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            for (int i = from; i < from + PER_CODEC; i++) {
                var record = new ProducerRecord<>(topic, 0, 1_700_000_000_000L + i, i % 2 == 0 ? "k-" + i : null, value(i));
                record.headers().add("source", "compat".getBytes(StandardCharsets.UTF_8)).add("nothing", null);
                answers.add(producer.send(record));
            }
            for (int i = 0; i < PER_CODEC; i++) Client.equal(answers.get(i).get().offset(), (long) from + i);
        }
    }

    private static void sendWithoutWaiting(String topic) throws Exception {
        for (String acks : List.of("0", "1")) {
            try (var producer = Client.producer(Map.of("acks", acks, "enable.idempotence", "false"))) {
                producer.send(new ProducerRecord<>(topic, 0, "k", "acks " + acks)).get();
            }
        }
        try (var producer = Client.producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, 0, "gone", null)).get();
        }
    }

    private static void check(ConsumerRecord<String, String> record, int i) {
        Client.equal(record.offset(), (long) i);
        Client.equal(record.timestamp(), 1_700_000_000_000L + i);
        Client.equal(record.key(), i % 2 == 0 ? "k-" + i : null);
        Client.equal(record.value(), value(i));
        Client.equal(new String(record.headers().lastHeader("source").value(), StandardCharsets.UTF_8), "compat");
        Client.isTrue("a header without a value", record.headers().lastHeader("nothing").value() == null);
    }

    static void idempotence() throws Exception {
        String topic = Client.topic(1);
        Map<String, Object> config = Map.of("enable.idempotence", "true", "batch.size", 200, "linger.ms", 0);
        int count = 2_000;
        try (var producer = Client.producer(config)) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            for (int i = 0; i < count; i++) answers.add(producer.send(new ProducerRecord<>(topic, 0, "k", "" + i)));
            for (int i = 0; i < count; i++) Client.equal(answers.get(i).get().offset(), (long) i);
        }
        var records = Client.readPartition(topic, count, Map.of());
        for (int i = 0; i < count; i++) Client.equal(records.get(i).value(), "" + i);
    }
}
