import io.debezium.connector.jdbc.JdbcSinkConnector;
import java.util.TreeSet;

/** Prints every key of Debezium's JDBC sink, a line each, as the connector declares them to Kafka Connect. */
public class SinkKeys {
    public static void main(String[] args) {
        new TreeSet<>(new JdbcSinkConnector().config().names()).forEach(System.out::println);
    }
}
