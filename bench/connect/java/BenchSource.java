import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Hands out the same map for ever, a thousand records a poll; with `idle` nothing at all. */
public class BenchSource extends SourceConnector {
  private Map<String, String> config;

  @Override public void start(Map<String, String> given) { config = given; }
  @Override public Class<? extends Task> taskClass() { return Generator.class; }
  @Override public List<Map<String, String>> taskConfigs(int max) { return List.of(config); }
  @Override public void stop() {}
  @Override public String version() { return "1"; }

  @Override public ConfigDef config() {
    return new ConfigDef()
        .define("topic", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "The topic.")
        .define("idle", ConfigDef.Type.BOOLEAN, false, ConfigDef.Importance.LOW, "Whether to do nothing.");
  }

  public static class Generator extends SourceTask {
    private static final Map<String, ?> PARTITION = Map.of("generator", "bench");
    private static final Map<String, ?> VALUE =
        Map.of("id", "truck-17", "latitude", 52.520008, "longitude", 13.404954, "note", "x".repeat(30));
    private String topic;
    private boolean isIdle;
    private long next;

    @Override public void start(Map<String, String> config) {
      topic = config.get("topic");
      isIdle = Boolean.parseBoolean(config.get("idle"));
    }

    @Override public List<SourceRecord> poll() throws InterruptedException {
      if (isIdle) {
        Thread.sleep(1000);
        return null;
      }
      List<SourceRecord> records = new ArrayList<>(1000);
      for (int i = 0; i < 1000; i++) records.add(new SourceRecord(PARTITION, Map.of("next", ++next), topic, null, VALUE));
      return records;
    }

    @Override public void stop() {}
    @Override public String version() { return "1"; }
  }
}
