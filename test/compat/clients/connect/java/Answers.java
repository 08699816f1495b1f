import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.Configurable;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/**
 * Asks Kafka Connect's own transforms, predicates and converters: reads cases as a JSON array from standard input and
 * writes what each answers, in the same order, as a JSON array. What a refusal says is Java's business; only its kind
 * is written.
 */
public final class Answers {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    ArrayNode answers = JSON.createArrayNode();
    for (JsonNode each : JSON.readTree(System.in)) answers.add(answer(each));
    System.out.println(JSON.writeValueAsString(answers));
  }

  private static JsonNode answer(JsonNode given) {
    try {
      Map<String, String> config = new HashMap<>();
      given.path("config").properties().forEach(entry -> config.put(entry.getKey(), entry.getValue().asText()));
      Object plugin = Class.forName(given.get("class").asText()).getDeclaredConstructor().newInstance();
      if (plugin instanceof Converter converter && given.has("from")) return fromConnect(converter, config, given);
      if (plugin instanceof Converter converter && given.has("bytes")) return toConnect(converter, config, given);
      if (plugin instanceof HeaderConverter converter) return header(converter, config, given);
      ((Configurable) plugin).configure(config);
      ConnectRecord<?> record = record(given.get("record"), given.path("sink").asBoolean());
      return plugin instanceof Predicate<?> predicate ? holds(predicate, record) : applied(plugin, record);
    } catch (Throwable error) {
      return JSON.createObjectNode().put("error", error.getClass().getSimpleName());
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static JsonNode applied(Object plugin, ConnectRecord<?> record) {
    ConnectRecord<?> result = ((Transformation) plugin).apply(record);
    return result == null ? JSON.getNodeFactory().nullNode() : written(result);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static JsonNode holds(Predicate predicate, ConnectRecord<?> record) {
    return JSON.getNodeFactory().booleanNode(predicate.test(record));
  }

  private static JsonNode fromConnect(Converter converter, Map<String, String> config, JsonNode given) {
    converter.configure(config, given.path("isKey").asBoolean());
    SchemaAndValue data = Data.read(given.get("from"));
    return bytes(converter.fromConnectData("topic", data.schema(), data.value()));
  }

  private static JsonNode toConnect(Converter converter, Map<String, String> config, JsonNode given) throws Exception {
    converter.configure(config, given.path("isKey").asBoolean());
    return Data.write(converter.toConnectData("topic", binary(given.get("bytes"))));
  }

  private static JsonNode header(HeaderConverter converter, Map<String, String> config, JsonNode given) throws Exception {
    Map<String, String> all = new HashMap<>(config);
    all.put("converter.type", "header");
    converter.configure(all);
    if (given.has("bytes")) return Data.write(converter.toConnectHeader("topic", "header", binary(given.get("bytes"))));
    SchemaAndValue data = Data.read(given.get("from"));
    return bytes(converter.fromConnectHeader("topic", "header", data.schema(), data.value()));
  }

  private static byte[] binary(JsonNode text) throws Exception {
    return text.isNull() ? null : text.binaryValue();
  }

  private static JsonNode bytes(byte[] bytes) {
    return bytes == null ? JSON.getNodeFactory().nullNode() : JSON.getNodeFactory().binaryNode(bytes);
  }

  private static ConnectRecord<?> record(JsonNode given, boolean isSink) {
    SchemaAndValue key = Data.read(given.path("key"));
    SchemaAndValue value = Data.read(given.path("value"));
    String topic = given.path("topic").asText("topic");
    Long timestamp = given.path("timestamp").isNumber() ? given.get("timestamp").asLong() : null;
    ConnectHeaders headers = new ConnectHeaders();
    for (JsonNode each : given.path("headers")) headers.add(each.get("name").asText(), Data.read(each));
    if (!isSink) {
      return new SourceRecord(Map.of(), Map.of(), topic, null, key.schema(), key.value(), value.schema(), value.value(),
          timestamp, headers);
    }
    return new SinkRecord(topic, 3, key.schema(), key.value(), value.schema(), value.value(), 42, timestamp,
        TimestampType.CREATE_TIME, headers);
  }

  private static JsonNode written(ConnectRecord<?> record) {
    ObjectNode result = JSON.createObjectNode();
    result.put("topic", record.topic());
    if (record.timestamp() != null) result.put("timestamp", record.timestamp());
    result.set("key", Data.write(new SchemaAndValue(record.keySchema(), record.key())));
    result.set("value", Data.write(new SchemaAndValue(record.valueSchema(), record.value())));
    ArrayNode headers = result.putArray("headers");
    for (Header header : record.headers()) {
      ObjectNode node = (ObjectNode) Data.write(new SchemaAndValue(header.schema(), header.value()));
      headers.add(node.put("name", header.key()));
    }
    return result;
  }
}
