/*
 * Runs the JDBC sinks of Debezium and Confluent as Kafka Connect's worker would, without a broker before them: records come as the
 * JSON that Connect's own JsonConverter reads, with their schemas.
 *
 * Started by scripts/golden/record-jdbc-sinks.ts, which sends one command a line ({"start": …}, {"put": […]}, {"stop": true}) and
 * gets one line for each: what went wrong, or null, and the offsets of records that were called bad. Not part of the product.
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.apache.kafka.connect.sink.SinkTaskContext;
import org.apache.kafka.connect.transforms.Transformation;

public class SinkRecorder {
    static final ObjectMapper mapper = new ObjectMapper();
    static final JsonConverter keys = converter(true);
    static final JsonConverter values = converter(false);

    static JsonConverter converter(boolean isKey) {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "true"), isKey);
        return converter;
    }

    static SinkTask task;
    static final List<Transformation<SinkRecord>> transforms = new ArrayList<>();
    static final Map<TopicPartition, OffsetAndMetadata> reached = new HashMap<>();
    static final List<Long> bad = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer = mapper.createObjectNode();
            bad.clear();
            try {
                run(mapper.readTree(line));
                answer.putNull("error");
            } catch (Throwable failure) {
                failure.printStackTrace();
                answer.put("error", messages(failure));
            }
            answer.set("bad", mapper.valueToTree(bad));
            out.println(mapper.writeValueAsString(answer));
        }
        System.exit(0);
    }

    static void run(JsonNode command) throws Exception {
        if (command.has("start")) start(command.get("start"));
        else if (command.has("put")) put(command.get("put"));
        else stop();
    }

    static void start(JsonNode start) throws Exception {
        Map<String, String> config = new HashMap<>();
        start.get("config").fields().forEachRemaining(each -> config.put(each.getKey(), each.getValue().asText()));
        SinkConnector connector = (SinkConnector) Class.forName(config.get("connector.class")).getDeclaredConstructor().newInstance();
        connector.start(config);
        Map<String, String> taskConfig = connector.taskConfigs(1).get(0);
        transforms.clear();
        for (String name : config.getOrDefault("transforms", "").split(",")) if (!name.isEmpty()) transforms.add(transform("transforms." + name + ".", config));
        Set<TopicPartition> partitions = new HashSet<>();
        for (String topic : config.get("topics").split(",")) partitions.add(new TopicPartition(topic, 0));
        task = (SinkTask) connector.taskClass().getDeclaredConstructor().newInstance();
        task.initialize(new Context(taskConfig, partitions, start.get("tolerates").asBoolean()));
        task.start(taskConfig);
        task.open(partitions);
    }

    @SuppressWarnings("unchecked")
    static Transformation<SinkRecord> transform(String prefix, Map<String, String> config) throws Exception {
        Map<String, String> own = new HashMap<>();
        config.forEach((key, value) -> { if (key.startsWith(prefix)) own.put(key.substring(prefix.length()), value); });
        Transformation<SinkRecord> made = (Transformation<SinkRecord>) Class.forName(own.get("type")).getDeclaredConstructor().newInstance();
        made.configure(own);
        return made;
    }

    static void put(JsonNode given) throws Exception {
        List<SinkRecord> records = new ArrayList<>();
        for (JsonNode each : given) {
            String topic = each.get("topic").asText();
            SchemaAndValue key = keys.toConnectData(topic, bytes(each.get("key")));
            SchemaAndValue value = values.toConnectData(topic, bytes(each.get("value")));
            ConnectHeaders headers = new ConnectHeaders();
            for (JsonNode header : each.get("headers")) headers.add(header.get("key").asText(), values.toConnectData(topic, bytes(header.get("value"))));
            long offset = each.get("offset").asLong();
            SinkRecord made = new SinkRecord(topic, 0, key.schema(), key.value(), value.schema(), value.value(), offset, 1700000000000L, TimestampType.CREATE_TIME, headers);
            for (Transformation<SinkRecord> transform : transforms) made = transform.apply(made);
            records.add(made);
            reached.put(new TopicPartition(topic, 0), new OffsetAndMetadata(offset + 1));
        }
        task.put(records);
        task.flush(reached);
        // One of them says only now what went wrong.
        task.put(List.of());
    }

    static void stop() {
        if (task != null) task.stop();
        task = null;
        reached.clear();
    }

    static byte[] bytes(JsonNode text) {
        return text.isNull() ? null : text.asText().getBytes(StandardCharsets.UTF_8);
    }

    /** From the outermost to the innermost, once each. */
    static String messages(Throwable failure) {
        List<String> all = new ArrayList<>();
        for (Throwable each = failure; each != null; each = each.getCause()) {
            String message = String.valueOf(each.getMessage()).replace('\n', ' ');
            if (!all.contains(message)) all.add(message);
        }
        return String.join(" | ", all);
    }

    record Context(Map<String, String> configs, Set<TopicPartition> assignment, boolean tolerates) implements SinkTaskContext {
        public void offset(Map<TopicPartition, Long> offsets) { }
        public void offset(TopicPartition partition, long offset) { }
        public void timeout(long ms) { }
        public void pause(TopicPartition... partitions) { }
        public void resume(TopicPartition... partitions) { }
        public void requestCommit() { }
        public PluginMetrics pluginMetrics() { return null; }
        public ErrantRecordReporter errantRecordReporter() {
            return tolerates ? this::report : null;
        }
        private Future<Void> report(SinkRecord record, Throwable error) {
            bad.add(record.kafkaOffset());
            return CompletableFuture.completedFuture(null);
        }
    }
}
