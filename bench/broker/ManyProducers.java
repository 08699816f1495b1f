/*
 * Many producers at once, each with its own connection; a few threads give them their records in turn.
 *
 *     java ManyProducers <bootstrap> <topic> <producers> <records> <bytes> <acks>
 *
 * Prints records a second, from the first record behind a round of warm-up to the last acknowledgement.
 */
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class ManyProducers {
    private static final int DRIVERS = 2;
    /** So that two hundred fit into one heap. */
    private static final long BUFFER_BYTES = 2 << 20;

    public static void main(String[] args) throws Exception {
        String topic = args[1];
        int count = Integer.parseInt(args[2]);
        int records = Integer.parseInt(args[3]);
        byte[] value = new byte[Integer.parseInt(args[4])];
        List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
        for (int i = 0; i < count; i++) producers.add(producer(args[0], args[5]));
        for (var producer : producers) producer.send(new ProducerRecord<>(topic, value));
        for (var producer : producers) producer.flush();
        AtomicLong failed = new AtomicLong();
        int drivers = Math.min(DRIVERS, count);
        List<Thread> threads = new ArrayList<>();
        long start = System.nanoTime();
        for (int driver = 0; driver < drivers; driver++) {
            int first = driver;
            Thread thread = new Thread(() -> {
                for (int i = first; i < records; i += drivers) {
                    producers.get(i % count).send(new ProducerRecord<>(topic, value), (metadata, error) -> {
                        if (error != null) failed.incrementAndGet();
                    });
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) thread.join();
        for (var producer : producers) producer.flush();
        double seconds = (System.nanoTime() - start) / 1e9;
        if (failed.get() > 0) throw new IllegalStateException(failed + " records were not taken");
        System.out.printf(Locale.ROOT, "%.1f%n", records / seconds);
        Runtime.getRuntime().halt(0);
    }

    private static KafkaProducer<byte[], byte[]> producer(String bootstrap, String acks) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", acks, "buffer.memory", BUFFER_BYTES);
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
