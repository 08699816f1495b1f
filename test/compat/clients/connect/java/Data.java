import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/**
 * Connect data as JSON and back: {"schema": …, "value": …}. JSON has no words for some values, which are written as
 * {"$date": ms}, {"$bytes": base64}, {"$decimal": text}, {"$long": digits}, {"$float": word}, {"$map": [[key, value]]}.
 * Without a schema a whole number is a Long and another number a Double, as JsonConverter reads them.
 */
final class Data {
  private static final ObjectMapper JSON = new ObjectMapper();

  static SchemaAndValue read(JsonNode data) {
    if (data == null || data.isMissingNode() || data.isNull()) return new SchemaAndValue(null, null);
    Schema schema = data.hasNonNull("schema") ? schema(data.get("schema")) : null;
    return new SchemaAndValue(schema, value(schema, data.path("value")));
  }

  static JsonNode write(SchemaAndValue data) {
    ObjectNode node = JSON.createObjectNode();
    if (data == null) return node.putNull("value");
    if (data.schema() != null) node.set("schema", written(data.schema()));
    return node.set("value", written(data.value()));
  }

  private static Schema schema(JsonNode given) {
    Schema.Type type = Schema.Type.valueOf(given.get("type").asText().toUpperCase());
    SchemaBuilder builder = switch (type) {
      case ARRAY -> SchemaBuilder.array(schema(given.get("valueSchema")));
      case MAP -> SchemaBuilder.map(schema(given.get("keySchema")), schema(given.get("valueSchema")));
      default -> new SchemaBuilder(type);
    };
    for (JsonNode field : given.path("fields")) builder.field(field.get("name").asText(), schema(field.get("schema")));
    if (given.path("optional").asBoolean()) builder.optional();
    if (given.has("name")) builder.name(given.get("name").asText());
    if (given.has("version")) builder.version(given.get("version").asInt());
    if (given.has("doc")) builder.doc(given.get("doc").asText());
    given.path("parameters").properties().forEach(each -> builder.parameter(each.getKey(), each.getValue().asText()));
    if (given.hasNonNull("defaultValue")) builder.defaultValue(value(builder, given.get("defaultValue")));
    return builder.build();
  }

  private static Object value(Schema schema, JsonNode node) {
    if (node.isNull() || node.isMissingNode()) return null;
    if (node.has("$date")) return new Date(node.get("$date").asLong());
    if (node.has("$bytes")) return ByteBuffer.wrap(Base64.getDecoder().decode(node.get("$bytes").asText()));
    if (node.has("$decimal")) return new BigDecimal(node.get("$decimal").asText());
    if (node.has("$float")) return number(schema, Double.parseDouble(node.get("$float").asText()));
    if (node.has("$long")) return Long.parseLong(node.get("$long").asText());
    if (node.has("$map")) return map(schema, node.get("$map"));
    if (node.isObject()) return schema != null && schema.type() == Schema.Type.STRUCT ? struct(schema, node) : fields(schema, node);
    if (node.isArray()) return list(schema, node);
    if (node.isBoolean()) return node.asBoolean();
    if (node.isNumber()) return node.isIntegralNumber() ? whole(schema, node.asLong()) : number(schema, node.asDouble());
    return node.asText();
  }

  private static Object whole(Schema schema, long value) {
    if (schema == null) return value;
    return switch (schema.type()) {
      case INT8 -> (byte) value;
      case INT16 -> (short) value;
      case INT32 -> (int) value;
      case FLOAT32 -> (float) value;
      case FLOAT64 -> (double) value;
      default -> value;
    };
  }

  private static Object number(Schema schema, double value) {
    return schema != null && schema.type() == Schema.Type.FLOAT32 ? (Object) (float) value : (Object) value;
  }

  private static Struct struct(Schema schema, JsonNode node) {
    Struct struct = new Struct(schema);
    for (Field field : schema.fields()) {
      if (node.has(field.name())) struct.put(field, value(field.schema(), node.get(field.name())));
    }
    return struct;
  }

  private static Map<Object, Object> fields(Schema schema, JsonNode node) {
    Map<Object, Object> map = new LinkedHashMap<>();
    Schema each = schema == null ? null : schema.valueSchema();
    node.properties().forEach(entry -> map.put(entry.getKey(), value(each, entry.getValue())));
    return map;
  }

  private static Map<Object, Object> map(Schema schema, JsonNode pairs) {
    Map<Object, Object> map = new LinkedHashMap<>();
    for (JsonNode pair : pairs) {
      map.put(value(schema == null ? null : schema.keySchema(), pair.get(0)),
          value(schema == null ? null : schema.valueSchema(), pair.get(1)));
    }
    return map;
  }

  private static List<Object> list(Schema schema, JsonNode node) {
    List<Object> list = new ArrayList<>();
    for (JsonNode item : node) list.add(value(schema == null ? null : schema.valueSchema(), item));
    return list;
  }

  private static JsonNode written(Schema schema) {
    ObjectNode node = JSON.createObjectNode().put("type", schema.type().name().toLowerCase());
    if (schema.isOptional()) node.put("optional", true);
    if (schema.name() != null) node.put("name", schema.name());
    if (schema.version() != null) node.put("version", schema.version());
    if (schema.doc() != null) node.put("doc", schema.doc());
    if (schema.parameters() != null && !schema.parameters().isEmpty()) {
      ObjectNode parameters = node.putObject("parameters");
      schema.parameters().forEach(parameters::put);
    }
    if (schema.defaultValue() != null) node.set("defaultValue", written(schema.defaultValue()));
    if (schema.type() == Schema.Type.MAP && schema.keySchema() != null) node.set("keySchema", written(schema.keySchema()));
    boolean hasElements = schema.type() == Schema.Type.MAP || schema.type() == Schema.Type.ARRAY;
    if (hasElements && schema.valueSchema() != null) {
      node.set("valueSchema", written(schema.valueSchema()));
    }
    if (schema.type() == Schema.Type.STRUCT) {
      ArrayNode fields = node.putArray("fields");
      for (Field field : schema.fields()) {
        fields.addObject().put("name", field.name()).set("schema", written(field.schema()));
      }
    }
    return node;
  }

  private static JsonNode written(Object value) {
    if (value == null) return JSON.nullNode();
    if (value instanceof Date date) return JSON.createObjectNode().put("$date", date.getTime());
    if (value instanceof byte[] bytes) return written(ByteBuffer.wrap(bytes));
    if (value instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return JSON.createObjectNode().put("$bytes", Base64.getEncoder().encodeToString(bytes));
    }
    if (value instanceof BigDecimal decimal) return JSON.createObjectNode().put("$decimal", decimal.toPlainString());
    if (value instanceof BigInteger integer) return JSON.createObjectNode().put("$long", integer.toString());
    if (value instanceof Struct struct) {
      ObjectNode node = JSON.createObjectNode();
      // Without defaults: what is there, not what would be read.
      for (Field field : struct.schema().fields()) node.set(field.name(), written(struct.getWithoutDefault(field.name())));
      return node;
    }
    if (value instanceof Map<?, ?> map) return writtenMap(map);
    if (value instanceof List<?> list) {
      ArrayNode node = JSON.createArrayNode();
      for (Object item : list) node.add(written(item));
      return node;
    }
    if (value instanceof Boolean flag) return JSON.getNodeFactory().booleanNode(flag);
    if (value instanceof Number number) return writtenNumber(number);
    return JSON.getNodeFactory().textNode(value.toString());
  }

  private static JsonNode writtenMap(Map<?, ?> map) {
    boolean hasNames = map.keySet().stream().allMatch(key -> key instanceof String);
    if (hasNames) {
      ObjectNode node = JSON.createObjectNode();
      map.forEach((key, each) -> node.set((String) key, written(each)));
      return node;
    }
    ObjectNode node = JSON.createObjectNode();
    ArrayNode pairs = node.putArray("$map");
    map.forEach((key, each) -> pairs.addArray().add(written(key)).add(written(each)));
    return node;
  }

  private static JsonNode writtenNumber(Number number) {
    double value = number.doubleValue();
    if (number instanceof Float || number instanceof Double) {
      if (Double.isNaN(value) || Double.isInfinite(value)) return JSON.createObjectNode().put("$float", String.valueOf(value));
      return JSON.getNodeFactory().numberNode(value);
    }
    long whole = number.longValue();
    if (Math.abs(whole) > 9007199254740991L || whole == Long.MIN_VALUE) {
      return JSON.createObjectNode().put("$long", String.valueOf(whole));
    }
    return JSON.getNodeFactory().numberNode(whole);
  }
}
