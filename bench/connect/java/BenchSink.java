import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Takes records and does nothing with them. */
public class BenchSink extends SinkConnector {
  private Map<String, String> config;

  @Override public void start(Map<String, String> given) { config = given; }
  @Override public Class<? extends Task> taskClass() { return Taker.class; }
  @Override public List<Map<String, String>> taskConfigs(int max) { return List.of(config); }
  @Override public void stop() {}
  @Override public String version() { return "1"; }
  @Override public ConfigDef config() { return new ConfigDef(); }

  public static class Taker extends SinkTask {
    @Override public void start(Map<String, String> config) {}
    @Override public void put(Collection<SinkRecord> records) {}
    @Override public void stop() {}
    @Override public String version() { return "1"; }
  }
}
