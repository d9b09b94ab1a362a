/* Kills the program with SIGKILL at an exact record of its journal; the tests load it with LD_PRELOAD.
 *
 * Each record is one write and one fdatasync on the file that EXACT_JOURNAL ends the name of. EXACT_AFTER=n: the program
 * dies when record n is on the disk and nothing that follows from it was done. EXACT_BEFORE=n: it dies when all was done that
 * goes before record n, and nothing of record n is written. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int records;

static int number(const char *name) {
    const char *text = getenv(name);
    return text ? atoi(text) : -1;
}

static int is_journal(int fd) {
    char link[64], path[4096];
    const char *wanted = getenv("EXACT_JOURNAL");
    if (!wanted) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t end = strlen(wanted);
    return (size_t)length >= end && strcmp(path + length - end, wanted) == 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*really)(int, const void *, size_t);
    if (!really) really = dlsym(RTLD_NEXT, "write");
    if (number("EXACT_BEFORE") == records + 1 && is_journal(fd)) die();
    return really(fd, bytes, count);
}

int fdatasync(int fd) {
    static int (*really)(int);
    if (!really) really = dlsym(RTLD_NEXT, "fdatasync");
    int result = really(fd);
    if (is_journal(fd) && ++records == number("EXACT_AFTER")) die();
    return result;
}
