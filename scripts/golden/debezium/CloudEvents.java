/*
 * What Debezium's CloudEventsConverter makes of change events. Started by scripts/golden/record-cloud-events.ts: each line of standard
 * input is {"config": {…}, "topic": …, "value": JSON with its schema}, each line of the output the bytes as text, or {"failure": …}.
 * Not part of the product.
 */
import com.fasterxml.jackson.databind.ObjectMapper;
import io.debezium.converters.CloudEventsConverter;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.json.JsonConverter;

public class CloudEvents {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        ObjectMapper mapper = new ObjectMapper();
        JsonConverter reader = new JsonConverter();
        reader.configure(Map.of("schemas.enable", "true"), false);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            var given = mapper.readTree(line);
            Map<String, String> config = new HashMap<>();
            given.get("config").properties().forEach(each -> config.put(each.getKey(), each.getValue().asText()));
            String topic = given.get("topic").asText();
            try {
                CloudEventsConverter converter = new CloudEventsConverter();
                converter.configure(config, false);
                var read = reader.toConnectData(topic, given.get("value").asText().getBytes(StandardCharsets.UTF_8));
                byte[] bytes = converter.fromConnectData(topic, read.schema(), read.value());
                out.println(bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8));
            } catch (Exception failure) {
                out.println(mapper.createObjectNode().put("failure", failure.toString()));
            }
        }
    }
}
