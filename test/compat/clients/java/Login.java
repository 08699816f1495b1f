/*
 * Apache Kafka's own Java client logs in and works: `java Login <properties> <topic> <forbidden topic>` writes and reads
 * the topic with the client's properties, is refused the other, and ends with 0; or it prints the name of what it was
 * refused with at its login. ../login.test.ts makes the users.
 */
import java.io.FileReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public final class Login {
    private static final Duration DEADLINE = Duration.ofSeconds(20);

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (FileReader file = new FileReader(args[0])) {
            properties.load(file);
        }
        try {
            write(properties, args[1]);
            System.out.println("wrote");
            System.out.println("read " + read(properties, args[1]));
            System.out.println(refusal(properties, args[2]));
        } catch (AuthenticationException error) {
            System.out.println(error.getClass().getSimpleName());
        }
        Runtime.getRuntime().halt(0);
    }

    private static void write(Properties properties, String topic) throws Exception {
        try (var producer = new KafkaProducer<>(with(properties, "acks", "all", "max.block.ms", "15000"), new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>(topic, "k", "v")).get();
        } catch (ExecutionException error) {
            if (error.getCause() instanceof RuntimeException cause) throw cause;
            throw error;
        }
    }

    private static String read(Properties properties, String topic) {
        List<String> values = new ArrayList<>();
        Properties all = with(properties, "group.id", "readers", "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            long deadline = System.nanoTime() + DEADLINE.toNanos();
            while (values.isEmpty() && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) values.add(record.value());
            }
            consumer.commitSync();
        }
        return String.join(",", values);
    }

    private static String refusal(Properties properties, String topic) throws Exception {
        try {
            write(properties, topic);
            return "was not refused";
        } catch (AuthorizationException error) {
            return error.getClass().getSimpleName();
        }
    }

    private static Properties with(Properties properties, String... more) {
        Properties all = new Properties();
        all.putAll(properties);
        for (int i = 0; i < more.length; i += 2) all.setProperty(more[i], more[i + 1]);
        return all;
    }

    private Login() { }
}
