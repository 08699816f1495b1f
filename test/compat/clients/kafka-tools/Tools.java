/*
 * Apache Kafka's own command-line tools, one after the other in one JVM: `java Tools <bootstrap> <file> <folder>` runs
 * every line of the file as a command, with {bootstrap} and {folder} filled in, and prints what each printed and ended
 * with. The judge is ../kafka-tools.test.ts: it compares with what they print against Kafka itself.
 */
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.utils.Exit;

public final class Tools {
    /** A command that waits for something that never comes is given up, and said to be. */
    private static final int DEADLINE_SECONDS = 60;

    /** What a tool ends with, in place of the JVM's end. */
    static final class Ended extends RuntimeException {
        Ended(int code) {
            super("ended with " + code, null, false, false);
        }
    }

    private static final AtomicReference<Integer> firstCode = new AtomicReference<>();

    public static void main(String[] args) throws Exception {
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        // Some tools leave hooks that would wait for one another at the end.
        Exit.setShutdownHookAdder((name, hook) -> { });
        PrintStream out = System.out;
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            if (line.isBlank() || line.startsWith("#")) continue;
            String[] words = line.replace("{bootstrap}", args[0]).replace("{folder}", args[2]).split(" ");
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            PrintStream to = new PrintStream(printed, true);
            System.setOut(to);
            System.setErr(to);
            String code = run(words);
            System.setOut(out);
            out.println("$ " + line);
            printed.toString().lines().forEach((text) -> out.println("  " + text));
            out.println("= " + code);
            out.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    /** Tools that catch everything end once more; the first time counts. */
    private static void end(int code) {
        firstCode.compareAndSet(null, code);
        throw new Ended(code);
    }

    private static String run(String[] words) throws Exception {
        firstCode.set(null);
        CompletableFuture<String> ended = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                Class.forName(words[0]).getMethod("main", String[].class)
                        .invoke(null, (Object) Arrays.copyOfRange(words, 1, words.length));
                ended.complete(firstCode.get() == null ? "0" : String.valueOf(firstCode.get()));
            } catch (InvocationTargetException error) {
                ended.complete(endOf(error.getCause()));
            } catch (Throwable error) {
                ended.complete(endOf(error));
            }
        });
        thread.setDaemon(true);
        thread.start();
        try {
            return ended.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException error) {
            return "not within " + DEADLINE_SECONDS + " s";
        }
    }

    private static String endOf(Throwable error) {
        return firstCode.get() == null ? error.toString() : String.valueOf(firstCode.get());
    }

    private Tools() { }

}
