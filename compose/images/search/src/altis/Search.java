package altis;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;

/**
 * Runs one OpenSearch node. Arguments: name=value, above opensearch.yml.
 *
 * In the place of OpenSearch's own main, whose bootstrap checks refuse the serial collector in a cluster, and which
 * goes through every jar for classes that are there twice (half a second; it is done once, when the image is built).
 * Neither is there a security manager: these are the project's own containers, on networks without a way out.
 */
public final class Search {
    public static void main(String[] arguments) {
        try {
            run(arguments);
        } catch (Throwable problem) {
            // Threads of a half-made node would keep the process alive.
            problem.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void run(String[] arguments) throws Exception {
        String home = System.getProperty("opensearch.path.home");
        Map<String, String> settings = new HashMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            settings.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
        if (!Boolean.getBoolean("altis.check.jars")) {
            System.setProperty("java.class.path", home + "/lib/altis-search.jar");
        }
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            Settings.builder().put("path.home", home).build(), settings, Path.of(home, "config"), () -> "search");
        LogConfigurator.setNodeName(Node.NODE_NAME_SETTING.get(environment.settings()));
        LogConfigurator.configure(environment);

        // A thread that dies of an Error leaves a node that only looks alive.
        Thread.setDefaultUncaughtExceptionHandler((thread, problem) -> {
            problem.printStackTrace();
            if (problem instanceof Error) {
                Runtime.getRuntime().halt(1);
            }
        });

        Node node = new Node(environment);
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node, closed), "close"));
        node.start();
        closed.await();
    }

    private static void close(Node node, CountDownLatch closed) {
        try {
            node.close();
            node.awaitClose(10, TimeUnit.SECONDS);
        } catch (Exception problem) {
            problem.printStackTrace();
        } finally {
            closed.countDown();
        }
    }
}
