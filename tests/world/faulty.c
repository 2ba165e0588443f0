/* Makes the Nth call that writes fail, in the process that is named and not in its children's programs.
   FAULT_AT=N FAULT_ERRNO=E; the calls are counted over all processes that are forked of it, by a shared page.
   FAULT_COUNT=FILE: how many there were is written there at exit, by the first process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int *calls, at, number;
static pid_t first;

__attribute__((constructor)) static void begin(void) {
    calls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    at = atoi(getenv("FAULT_AT") ? getenv("FAULT_AT") : "0");
    number = atoi(getenv("FAULT_ERRNO") ? getenv("FAULT_ERRNO") : "28");
    first = getpid();
    unsetenv("LD_PRELOAD"); /* A job's program is not ours. */
}

__attribute__((destructor)) static void count(void) {
    char text[16];
    if (getpid() != first || !getenv("FAULT_COUNT")) return;
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    ssize_t (*put)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    int file = real(getenv("FAULT_COUNT"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (put(file, text, snprintf(text, sizeof text, "%d", *calls)) < 0) return;
    close(file);
}

/* A program may end without what is called at exit. */
void _exit(int code) {
    count();
    syscall(SYS_exit_group, code);
    __builtin_unreachable();
}

static int fails(void) {
    if (__sync_add_and_fetch(calls, 1) != at) return 0;
    errno = number;
    return 1;
}

#define REAL(type, name, parameters) \
    static type (*real) parameters; \
    if (!real) real = dlsym(RTLD_NEXT, name)

/* Standard streams and pipes have tests of their own: here it is files. */
static int is_file(int file) {
    struct stat found;
    return file > 2 && !fstat(file, &found) && S_ISREG(found.st_mode);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, (const char *, int, ...)); \
        mode_t mode = 0; va_list more; va_start(more, flags); \
        if (flags & (O_CREAT | O_TMPFILE)) mode = va_arg(more, mode_t); \
        va_end(more); \
        if ((flags & O_ACCMODE) != O_RDONLY && fails()) return -1; \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPEN_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(int, #name, (int, const char *, int, ...)); \
        mode_t mode = 0; va_list more; va_start(more, flags); \
        if (flags & (O_CREAT | O_TMPFILE)) mode = va_arg(more, mode_t); \
        va_end(more); \
        if ((flags & O_ACCMODE) != O_RDONLY && fails()) return -1; \
        return real(folder, path, flags, mode); \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

#define ON_FILE(type, name, parameters, ...) \
    type name parameters { \
        REAL(type, #name, parameters); \
        if (is_file(file) && fails()) return -1; \
        return real(__VA_ARGS__); \
    }
ON_FILE(ssize_t, write, (int file, const void *data, size_t size), file, data, size)
ON_FILE(ssize_t, pwrite, (int file, const void *data, size_t size, off_t place), file, data, size, place)
ON_FILE(ssize_t, pwrite64, (int file, const void *data, size_t size, off_t place), file, data, size, place)
ON_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), file, parts, count)
ON_FILE(ssize_t, sendfile, (int file, int from, off_t *place, size_t size), file, from, place, size)
ON_FILE(ssize_t, sendfile64, (int file, int from, off64_t *place, size_t size), file, from, place, size)
ON_FILE(int, ftruncate, (int file, off_t size), file, size)
ON_FILE(int, ftruncate64, (int file, off_t size), file, size)

#define ALWAYS(name, parameters, ...) \
    int name parameters { \
        REAL(int, #name, parameters); \
        if (fails()) return -1; \
        return real(__VA_ARGS__); \
    }
ALWAYS(fsync, (int file), file)
ALWAYS(fdatasync, (int file), file)
ALWAYS(rename, (const char *from, const char *to), from, to)
ALWAYS(mkdir, (const char *path, mode_t mode), path, mode)
ALWAYS(unlink, (const char *path), path)
ALWAYS(link, (const char *from, const char *to), from, to)
ALWAYS(symlink, (const char *from, const char *to), from, to)
ALWAYS(renameat, (int there, const char *from, int here, const char *to), there, from, here, to)
ALWAYS(mkdirat, (int folder, const char *path, mode_t mode), folder, path, mode)
ALWAYS(unlinkat, (int folder, const char *path, int flags), folder, path, flags)
ALWAYS(rmdir, (const char *path), path)
ALWAYS(linkat, (int there, const char *from, int here, const char *to, int flags), there, from, here, to, flags)
