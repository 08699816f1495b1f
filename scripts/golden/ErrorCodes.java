/*
 * Prints Kafka's table of error codes, one JSON object a line: code, name, whether clients retry. Run by
 * scripts/golden/make-golden.ts.
 */
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

public final class ErrorCodes {
    public static void main(String[] args) {
        for (Errors error : Errors.values()) {
            boolean retriable = error.exception() instanceof RetriableException;
            System.out.printf("{\"code\":%d,\"name\":\"%s\",\"retriable\":%b}%n", error.code(), error.name(), retriable);
        }
    }
}
