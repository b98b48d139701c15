/* Writes down in which order a process writes to the log of an SQLite database ('L'), has it on the disk ('F'), and sends to
 * sockets ('S'): to $EVERHALL_ORDER.<process>, each event as its letter, a length of four bytes, and the bytes.
 *
 * Writing and sending are written down before they happen, synchronising after it has: what comes in this order did so.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int order_file(void)
{
    static __thread int file = -1;
    const char *path = getenv("EVERHALL_ORDER");
    char name[4096];
    if (file < 0 && path) {
        snprintf(name, sizeof name, "%s.%d", path, (int)getpid());
        file = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    return file;
}

/* In one call, so that events of several threads do not mix. */
static void note(char kind, const void *bytes, size_t length)
{
    char *event = malloc(length + 5);
    unsigned size = (unsigned)length;
    if (!event) abort();
    event[0] = kind;
    memcpy(event + 1, &size, 4);
    if (length) memcpy(event + 5, bytes, length);
    if (syscall(SYS_write, order_file(), event, length + 5) != (long)(length + 5)) abort();
    free(event);
}

static int is_log(int file)
{
    char link[64], path[4096];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    return length > 4 && memcmp(path + length - 4, "-wal", 4) == 0;
}

static int is_socket(int file)
{
    struct stat what;
    return fstat(file, &what) == 0 && S_ISSOCK(what.st_mode);
}

static void note_write(int file, const void *bytes, size_t length)
{
    if (is_socket(file)) note('S', bytes, length);
    else if (is_log(file)) note('L', bytes, length);
}

ssize_t write(int file, const void *bytes, size_t length)
{
    note_write(file, bytes, length);
    return REAL(write)(file, bytes, length);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at)
{
    note_write(file, bytes, length);
    return REAL(pwrite)(file, bytes, length, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at)
{
    note_write(file, bytes, length);
    return REAL(pwrite64)(file, bytes, length, at);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    for (int n = 0; n < count; n++) note_write(file, parts[n].iov_base, parts[n].iov_len);
    return REAL(writev)(file, parts, count);
}

ssize_t send(int file, const void *bytes, size_t length, int flags)
{
    note('S', bytes, length);
    return REAL(send)(file, bytes, length, flags);
}

ssize_t sendto(int file, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t size)
{
    note('S', bytes, length);
    return REAL(sendto)(file, bytes, length, flags, to, size);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags)
{
    for (size_t n = 0; n < message->msg_iovlen; n++)
        note('S', message->msg_iov[n].iov_base, message->msg_iov[n].iov_len);
    return REAL(sendmsg)(file, message, flags);
}

int fsync(int file)
{
    int done = REAL(fsync)(file);
    if (done == 0 && is_log(file)) note('F', NULL, 0);
    return done;
}

int fdatasync(int file)
{
    int done = REAL(fdatasync)(file);
    if (done == 0 && is_log(file)) note('F', NULL, 0);
    return done;
}
