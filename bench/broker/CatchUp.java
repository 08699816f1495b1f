/*
 * Consumers that each read a topic from its beginning, while a producer goes on writing to it at a fixed rate.
 *
 *     java CatchUp <bootstrap> <topic> <partitions> <records in it> <consumers> <writes a second> <bytes>
 *
 * Prints the records a second of all consumers together, and p50 and p99 of a write (acks=all) meanwhile, in
 * milliseconds from the moment it was due.
 */
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class CatchUp {
    private static volatile boolean isCaughtUp = false;

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        List<TopicPartition> partitions = IntStream.range(0, Integer.parseInt(args[2]))
                .mapToObj(partition -> new TopicPartition(args[1], partition)).toList();
        long records = Long.parseLong(args[3]);
        int consumers = Integer.parseInt(args[4]);
        ConcurrentLinkedQueue<Long> latencies = new ConcurrentLinkedQueue<>();
        Thread writing = new Thread(() ->
                write(bootstrap, args[1], Integer.parseInt(args[5]), Integer.parseInt(args[6]), latencies));
        writing.start();
        Thread.sleep(1_000);
        latencies.clear();
        List<Thread> reading = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < consumers; i++) {
            Thread thread = new Thread(() -> read(bootstrap, partitions, records));
            thread.start();
            reading.add(thread);
        }
        for (Thread thread : reading) thread.join();
        double seconds = (System.nanoTime() - start) / 1e9;
        isCaughtUp = true;
        writing.join(10_000);
        long[] sorted = latencies.stream().mapToLong(Long::longValue).sorted().toArray();
        System.out.printf(Locale.ROOT, "%.1f %.3f %.3f%n", records * consumers / seconds,
                sorted[sorted.length / 2] / 1e6, sorted[(int) (sorted.length * 0.99)] / 1e6);
        Runtime.getRuntime().halt(0);
    }

    private static void write(String bootstrap, String topic, int rate, int bytes, ConcurrentLinkedQueue<Long> latencies) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all", "linger.ms", 0);
        try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            long start = System.nanoTime();
            for (long i = 0; !isCaughtUp; i++) {
                long due = start + i * 1_000_000_000L / rate;
                while (System.nanoTime() < due) LockSupport.parkNanos(due - System.nanoTime());
                producer.send(new ProducerRecord<>(topic, new byte[bytes]), (metadata, error) -> {
                    if (error == null) latencies.add(System.nanoTime() - due);
                });
            }
        }
    }

    private static void read(String bootstrap, List<TopicPartition> partitions, long records) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap);
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            for (long seen = 0; seen < records; ) seen += consumer.poll(Duration.ofMillis(100)).count();
        }
    }
}
