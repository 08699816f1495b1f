import io.debezium.config.Field;
import java.lang.reflect.Modifier;
import java.util.TreeMap;
import org.apache.kafka.connect.connector.Connector;

/**
 * Prints every key of a connector of Debezium, with type, default and allowed values, a line each, tabs between: those that the
 * connector (the first argument) declares to Kafka Connect, and those of the classes that read more of them (the others).
 */
public class Keys {

    public static void main(String[] args) throws Exception {
        var lines = new TreeMap<String, String>();
        var connector = (Connector) Class.forName(args[0]).getDeclaredConstructor().newInstance();
        for (var key : connector.config().configKeys().values()) {
            var value = key.defaultValue instanceof Class<?> type ? type.getName() : String.valueOf(key.defaultValue);
            lines.put(key.name, String.join("\t", key.name, String.valueOf(key.type), value, "[]"));
        }
        for (int index = 1; index < args.length; index++) {
            for (Class<?> type = Class.forName(args[index]); type != null; type = type.getSuperclass()) {
                collect(type, lines);
            }
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
