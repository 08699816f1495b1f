/*
 * Runs Debezium's Postgres connector as Kafka Connect's worker would, without a broker behind it, and prints every
 * record as one line of JSON: what Connect's own JsonConverter makes of key, value, headers and their schemas.
 *
 * Started by scripts/golden/debezium-peer.ts, which speaks to its standard input: a configuration (one key=value a line, an
 * empty line ends it) starts a connector, the line "stop" ends it and is answered by {"stopped":true}; then the next one may
 * come. The end of the input ends the program. Not part of the product.
 */
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.connector.ConnectorContext;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceConnectorContext;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;
import org.apache.kafka.connect.source.SourceTaskContext;
import org.apache.kafka.connect.storage.OffsetStorageReader;

public class Recorder {
    static final ObjectMapper mapper = new ObjectMapper();
    static final JsonConverter keys = converter(true);
    static final JsonConverter values = converter(false);

    static JsonConverter converter(boolean isKey) {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "false", "replace.null.with.default", "false"), isKey);
        return converter;
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (Map<String, String> config = readConfig(in); config != null; config = readConfig(in)) {
            run(config, in, out);
            out.println("{\"stopped\":true}");
        }
        System.exit(0);
    }

    /** The next configuration, or null at the end of the input. */
    static Map<String, String> readConfig(BufferedReader in) throws Exception {
        Map<String, String> config = new HashMap<>();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.isEmpty()) return config;
            int at = line.indexOf('=');
            config.put(line.substring(0, at), line.substring(at + 1).replace("\\n", "\n"));
        }
        return null;
    }

    /** Runs one connector until it is told to stop. A failure is a line of its own, and the stop is waited for all the same. */
    static void run(Map<String, String> config, BufferedReader in, PrintStream out) throws Exception {
        SourceConnector connector = (SourceConnector) Class.forName("io.debezium.connector.postgresql.PostgresConnector").getDeclaredConstructor().newInstance();
        SourceTask task = (SourceTask) connector.taskClass().getDeclaredConstructor().newInstance();
        boolean[] ended = {false};
        Thread poller = new Thread(() -> {
            try {
                connector.initialize(new NoConnector(out));
                connector.start(config);
                Map<String, String> taskConfig = connector.taskConfigs(1).get(0);
                task.initialize(new NoOffsets(taskConfig));
                task.start(taskConfig);
                while (!ended[0]) {
                    List<SourceRecord> records = task.poll();
                    if (records == null) continue;
                    for (SourceRecord record : records) {
                        out.println(describe(record));
                        task.commitRecord(record, null);
                    }
                    task.commit();
                }
            } catch (Throwable failure) {
                if (!ended[0]) fail(failure, out);
            }
        });
        poller.start();
        for (String line = in.readLine(); line != null && !line.equals("stop"); line = in.readLine()) { }
        ended[0] = true;
        poller.join(5000);
        task.stop();
        connector.stop();
    }

    static void fail(Throwable failure, PrintStream out) {
        failure.printStackTrace();
        StringBuilder text = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) text.append(cause).append("; ");
        out.println(mapper.createObjectNode().put("failure", text.toString()));
    }

    static String describe(SourceRecord record) throws Exception {
        ObjectNode line = mapper.createObjectNode();
        line.put("topic", record.topic());
        describe(line, "key", keys, record.topic(), record.keySchema(), record.key());
        describe(line, "value", values, record.topic(), record.valueSchema(), record.value());
        var headers = line.putArray("headers");
        for (Header header : record.headers()) {
            ObjectNode each = headers.addObject();
            each.put("name", header.key());
            describe(each, "value", values, record.topic(), header.schema(), header.value());
        }
        return mapper.writeValueAsString(line);
    }

    static void describe(ObjectNode line, String name, JsonConverter converter, String topic, Schema schema, Object value) {
        byte[] bytes = converter.fromConnectData(topic, schema, value);
        line.put(name, bytes == null ? null : new String(bytes, StandardCharsets.UTF_8));
        line.put(name + "Schema", schema == null ? null : converter.asJsonSchema(schema).toString());
    }

    /** A first start: no offset is known. */
    static final class NoOffsets implements SourceTaskContext, OffsetStorageReader {
        private final Map<String, String> config;
        NoOffsets(Map<String, String> config) { this.config = config; }
        public Map<String, String> configs() { return config; }
        public OffsetStorageReader offsetStorageReader() { return this; }
        public PluginMetrics pluginMetrics() { return null; }
        public <T> Map<String, Object> offset(Map<String, T> partition) { return null; }
        public <T> Map<Map<String, T>, Map<String, Object>> offsets(Collection<Map<String, T>> partitions) { return new HashMap<>(); }
    }

    static final class NoConnector implements SourceConnectorContext {
        private final PrintStream out;
        NoConnector(PrintStream out) { this.out = out; }
        public void requestTaskReconfiguration() { }
        public void raiseError(Exception e) { fail(e, out); }
        public OffsetStorageReader offsetStorageReader() { return new NoOffsets(Map.of()); }
        public PluginMetrics pluginMetrics() { return null; }
    }
}
