/* A slow disk: preloaded, it makes every fsync and fdatasync take as many milliseconds as a file says, no less.
 * The file is read each time, so that a test switches the disk's speed while the server runs; without it nothing changes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#define DELAY "/tmp/slow-disk-ms"

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static double wanted(void)
{
    long ms = 0;
    FILE *file = fopen(DELAY, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld", &ms) != 1)
        ms = 0;
    fclose(file);
    return ms / 1e3;
}

static int slowed(const char *name, int fd)
{
    double begun = now(), rest;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(fd), failure = errno;
    while ((rest = begun + wanted() - now()) > 0) {
        double slice = rest < 0.01 ? rest : 0.01; /* so that switching it off holds at once */
        struct timespec pause = {0, (long)(slice * 1e9)};
        nanosleep(&pause, NULL);
    }
    errno = failure;
    return result;
}

int fsync(int fd) { return slowed("fsync", fd); }
int fdatasync(int fd) { return slowed("fdatasync", fd); }
