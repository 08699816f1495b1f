/*
 * End-to-end latency at a fixed rate: one producer and one consumer in this JVM, so with one clock. A record carries the
 * moment at which it was due, not the moment it was sent, so that a stall counts for every record it held up.
 *
 *     java LatencyAtRate <bootstrap> <topic> <records per second> <seconds> <bytes> <acks>
 *
 * Prints how many records were sent, then p50, p99, p99.9 and the largest, in milliseconds. The first seconds (warm-up of both JVMs) do not count.
 */
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class LatencyAtRate {
    private static final int WARM_UP_SECONDS = 3;

    public static void main(String[] args) {
        try {
            run(args);
            Runtime.getRuntime().halt(0);
        } catch (Exception error) {
            error.printStackTrace();
            // The consumer's thread would hold the process.
            Runtime.getRuntime().halt(1);
        }
    }

    private static void run(String[] args) throws Exception {
        String bootstrap = args[0];
        String topic = args[1];
        int rate = Integer.parseInt(args[2]);
        int count = rate * (Integer.parseInt(args[3]) + WARM_UP_SECONDS);
        int bytes = Integer.parseInt(args[4]);
        long[] latencies = new long[count];
        Thread consuming = new Thread(() -> consume(bootstrap, topic, latencies));
        consuming.start();
        produce(bootstrap, topic, rate, count, bytes, args[5]);
        consuming.join(30_000);
        if (consuming.isAlive()) throw new IllegalStateException("some records did not arrive within 30 seconds");
        long[] counted = Arrays.copyOfRange(latencies, rate * WARM_UP_SECONDS, count);
        Arrays.sort(counted);
        System.out.printf(Locale.ROOT, "%d %.3f %.3f %.3f %.3f%n", count,
                at(counted, 0.5), at(counted, 0.99), at(counted, 0.999), at(counted, 1));
    }

    private static double at(long[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1, Math.floor(sorted.length * share))] / 1e6;
    }

    private static void produce(String bootstrap, String topic, int rate, int count, int bytes, String acks) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", acks, "linger.ms", 0);
        try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            long start = System.nanoTime() + 1_000_000_000L;
            for (int i = 0; i < count; i++) {
                long due = start + i * 1_000_000_000L / rate;
                while (System.nanoTime() < due) LockSupport.parkNanos(due - System.nanoTime());
                byte[] value = ByteBuffer.allocate(bytes).putLong(due).array();
                producer.send(new ProducerRecord<>(topic, 0, null, value));
            }
        }
    }

    private static void consume(String bootstrap, String topic, long[] latencies) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest");
        var partition = new TopicPartition(topic, 0);
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            for (int i = 0; i < latencies.length; ) {
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    latencies[i++] = System.nanoTime() - ByteBuffer.wrap(record.value()).getLong();
                }
            }
        }
    }
}
