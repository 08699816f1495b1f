import io.debezium.config.Field;
import io.debezium.connector.postgresql.PostgresConnector;
import io.debezium.connector.postgresql.PostgresConnectorConfig;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.TreeMap;

/** Prints every key of Debezium's Postgres connector, with type, default and allowed values, a line each, tabs between. */
public class Keys {

    /** Besides what the connector's own config declares: who is asked for by name and declares keys of its own. */
    private static final List<String> OTHERS = List.of(
            "io.debezium.schema.AbstractTopicNamingStrategy",
            "io.debezium.pipeline.signal.channels.KafkaSignalChannel",
            "io.debezium.pipeline.signal.channels.FileSignalChannel",
            "io.debezium.pipeline.notification.channels.SinkNotificationChannel",
            "io.debezium.pipeline.notification.channels.HttpNotificationChannel");

    public static void main(String[] args) throws Exception {
        var lines = new TreeMap<String, String>();
        for (var key : new PostgresConnector().config().configKeys().values()) {
            lines.put(key.name, String.join("\t", key.name, String.valueOf(key.type), String.valueOf(key.defaultValue), "[]"));
        }
        for (String name : OTHERS) {
            collect(Class.forName(name), lines);
        }
        for (Class<?> type = PostgresConnectorConfig.class; type != Object.class; type = type.getSuperclass()) {
            collect(type, lines);
        }
        lines.values().forEach(System.out::println);
    }

    private static void collect(Class<?> type, TreeMap<String, String> lines) throws Exception {
        for (var member : type.getDeclaredFields()) {
            if (!Modifier.isStatic(member.getModifiers()) || member.getType() != Field.class) {
                continue;
            }
            member.setAccessible(true);
            Field field = (Field) member.get(null);
            var allowed = String.valueOf(field.allowedValues());
            lines.put(field.name(), String.join("\t", field.name(), String.valueOf(field.type()), field.defaultValueAsString(), allowed));
        }
    }
}
