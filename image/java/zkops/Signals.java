package zkops;

import sun.misc.Signal;
import sun.misc.SignalHandler;

/** How the process ends when it is told to. */
final class Signals {

    private Signals() {
    }

    /**
     * Let SIGTERM and SIGINT end the process at once, as they do any program.
     *
     * <p>ZooKeeper does nothing at its end that a crash must not survive, too, but the JVM's own way down takes some
     * 300 ms, in which the server answers nothing and its connections stay open: clients and members would wait.
     * SIGQUIT still prints the threads (which `-Xrs` would take away), and SIGHUP still ends the process the JVM's way.
     */
    static void endAtOnce() {
        // Signals do nothing to process 1 by default: it would not end at all.
        if (ProcessHandle.current().pid() == 1) {
            return;
        }
        for (String name : new String[] {"TERM", "INT"}) {
            Signal.handle(new Signal(name), SignalHandler.SIG_DFL);
        }
    }
}
