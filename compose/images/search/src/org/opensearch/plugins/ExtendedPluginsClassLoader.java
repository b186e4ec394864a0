package org.opensearch.plugins;

import java.util.List;

/**
 * Sees the classes of the modules that a module extends. Part of OpenSearch's distribution, but not published for
 * 2.x; the server finds it by this name.
 */
public final class ExtendedPluginsClassLoader extends ClassLoader {
    private final List<ClassLoader> extended;

    private ExtendedPluginsClassLoader(ClassLoader parent, List<ClassLoader> extended) {
        super(parent);
        this.extended = extended;
    }

    public static ExtendedPluginsClassLoader create(ClassLoader parent, List<ClassLoader> extended) {
        return new ExtendedPluginsClassLoader(parent, extended);
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        for (ClassLoader loader : extended) {
            try {
                return loader.loadClass(name);
            } catch (ClassNotFoundException elsewhere) {
                // the next one may know it
            }
        }
        throw new ClassNotFoundException(name);
    }
}
