import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.everit.json.schema.Schema;
import org.everit.json.schema.loader.SchemaLoader;
import org.json.JSONObject;

/**
 * Validates one record again and again: Validate schema.json record.json count everit|networknt. Prints records per
 * second of CPU time of this thread, parsed from bytes each time and parsed once.
 */
public final class Validate {
  interface Work {
    void run() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    byte[] record = Files.readAllBytes(Path.of(args[1]));
    String schema = Files.readString(Path.of(args[0]));
    int count = Integer.parseInt(args[2]);
    if (args[3].equals("everit")) {
      Schema everit = SchemaLoader.builder().schemaJson(new JSONObject(schema)).draftV7Support().build().load().build();
      JSONObject parsed = new JSONObject(new String(record, StandardCharsets.UTF_8));
      report("parsed", count, () -> everit.validate(parsed));
      report("bytes", count, () -> everit.validate(new JSONObject(new String(record, StandardCharsets.UTF_8))));
      return;
    }
    ObjectMapper mapper = new ObjectMapper();
    SchemaValidatorsConfig config = SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build();
    JsonSchema networknt = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V7).getSchema(schema, config);
    JsonNode parsed = mapper.readTree(record);
    report("parsed", count, () -> check(networknt, parsed));
    report("bytes", count, () -> check(networknt, mapper.readTree(record)));
  }

  private static void check(JsonSchema schema, JsonNode value) {
    if (!schema.validate(value).isEmpty()) throw new IllegalStateException("the record was refused");
  }

  /** The best of five rounds after one to warm up: the JVM's compiler works beside the first ones. */
  private static void report(String what, int count, Work work) throws Exception {
    var threads = ManagementFactory.getThreadMXBean();
    double best = 0;
    for (int round = 0; round < 6; round++) {
      long began = threads.getCurrentThreadCpuTime();
      for (int i = 0; i < count; i++) work.run();
      double perSecond = count / ((threads.getCurrentThreadCpuTime() - began) / 1e9);
      if (round > 0) best = Math.max(best, perSecond);
    }
    System.out.println(what + " " + Math.round(best));
  }
}
