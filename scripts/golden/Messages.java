/*
 * Reads lines of {"name", "version", "json"} on stdin, has Kafka's own generated classes turn each into bytes and back,
 * and prints lines of {"name", "version", "json", "bytes"}: json as Kafka reads the bytes, bytes in base64.
 * Run by scripts/golden/make-golden.ts.
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

public final class Messages {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final List<String> PACKAGES = List.of(
        "org.apache.kafka.common.message",
        "org.apache.kafka.coordinator.group.generated",
        "org.apache.kafka.coordinator.share.generated",
        "org.apache.kafka.coordinator.transaction.generated",
        "org.apache.kafka.server.log.remote.metadata.storage.generated");
    private static final Map<String, Class<?>> CLASSES = new HashMap<>();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                out.println(convert(MAPPER.readTree(line)));
            } catch (Exception refused) {
                throw new IllegalStateException("Kafka does not take " + line, refused);
            }
        }
        out.flush();
    }

    private static ObjectNode convert(JsonNode input) throws Exception {
        String name = input.get("name").asText();
        short version = (short) input.get("version").asInt();
        Class<?> data = messageClass(name);
        Class<?> converter = Class.forName(data.getName() + "JsonConverter");
        Message message = (Message) read(converter).invoke(null, input.get("json"), version);
        byte[] bytes = serialize(message, version);
        Message again = (Message) data.getConstructor(org.apache.kafka.common.protocol.Readable.class, short.class)
            .newInstance(new ByteBufferAccessor(ByteBuffer.wrap(bytes)), version);
        if (!Arrays.equals(bytes, serialize(again, version))) throw new IllegalStateException("not stable: " + input);
        ObjectNode result = MAPPER.createObjectNode().put("name", name).put("version", version);
        result.set("json", (JsonNode) write(converter, data).invoke(null, again, version));
        return result.put("bytes", Base64.getEncoder().encodeToString(bytes));
    }

    private static Method read(Class<?> converter) throws Exception {
        return converter.getMethod("read", JsonNode.class, short.class);
    }

    private static Method write(Class<?> converter, Class<?> data) throws Exception {
        return converter.getMethod("write", data, short.class);
    }

    private static byte[] serialize(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        return buffer.array();
    }

    private static Class<?> messageClass(String name) throws ClassNotFoundException {
        Class<?> known = CLASSES.get(name);
        if (known != null) return known;
        for (String prefix : PACKAGES) {
            for (String suffix : List.of("Data", "")) {
                try {
                    Class<?> found = Class.forName(prefix + "." + name + suffix);
                    CLASSES.put(name, found);
                    return found;
                } catch (ClassNotFoundException absent) {
                    continue;
                }
            }
        }
        throw new ClassNotFoundException(name);
    }
}
