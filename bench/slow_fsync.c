/* Makes every fsync slower, as on a tired disk, for a process that is started with it:
 *
 *     cc -O2 -shared -fPIC -o slow_fsync.so bench/slow_fsync.c -ldl
 *     SLOW_FSYNC_US=5000 LD_PRELOAD=$PWD/slow_fsync.so everhall run
 *
 * Both of Everhall's processes inherit it; only the server calls fsync while it runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_a_little(void)
{
    const char *set = getenv("SLOW_FSYNC_US");
    long us = set ? atol(set) : 5000;
    struct timespec time = { us / 1000000, us % 1000000 * 1000 };
    nanosleep(&time, NULL);
}

int fsync(int file)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_a_little();
    return real(file);
}

int fdatasync(int file)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_a_little();
    return real(file);
}
