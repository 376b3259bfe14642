/* A disk that remembers and can fail, preloaded under a drill's victim.
 *
 * It stands between the process and libc for the files that matter: those named invigil.db* in a folder that
 * begins with FAULTY_DISK_UNDER, without the shared-memory index (no durable data is kept there). Each act on
 * them is done, and then written down in order in FAULTY_DISK_LOG, as one record in one append:
 *
 *     op (1 byte) · 7 bytes of nothing · inode · a · b (64 bits each, of this machine) · b bytes of data
 *
 *     O  a file was opened        a = 1 when it was made just now    data = its path
 *     W  written                  a = offset                         data = what
 *     T  cut or grown             a = its new size
 *     S  synced, and it returned
 *     F  a sync failed: what was written before may be gone, and no later sync will write it
 *     D  its folder was synced
 *     U  unlinked                                                    data = its path
 *     R  renamed                                                     data = old path, zero, new path
 *
 * A sync is written down only after it has succeeded, a write too: a process killed in between has done less than
 * the log could have said, never more. mmap is not seen: the database must not use it.
 *
 * While the file FAULTY_DISK_FULL exists, the disk is full: a write that would make a file longer fails with ENOSPC.
 * A process may also ask for faults, through ctypes:
 *
 *     faulty_disk_fail(what, n, error)  the n-th 'S' or 'W' from now on fails once with that errno; 0 = never
 *     faulty_disk_retry(yes)            a sync that failed so is called again, as a careless program would do
 *     faulty_disk_delay(us)             each sync takes that much longer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 4096, NO_FILE = 0, OURS = 1, FOLDER = 2 };

struct record {
    char op, nothing[7];
    uint64_t inode, a, b;
};

static char kinds[MOST_FILES];
static const char *under, *full;
static int log_file = -1;
static long fail_sync, fail_write, delay_us;
static int sync_error, write_error, retries;

#define REAL(name) ((__typeof__(name) *)real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTY_DISK_LOG");
    under = getenv("FAULTY_DISK_UNDER");
    full = getenv("FAULTY_DISK_FULL");
    if (under == NULL || path == NULL) return;
    int file = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0) return;
    log_file = fcntl(file, F_DUPFD_CLOEXEC, 512);
    REAL(close)(file);
}

void faulty_disk_fail(char what, long n, int error) {
    if (what == 'S') sync_error = error, fail_sync = n;
    if (what == 'W') write_error = error, fail_write = n;
}

void faulty_disk_retry(int yes) { retries = yes; }

void faulty_disk_delay(long us) { delay_us = us; }

static void note(char op, uint64_t inode, uint64_t a, const void *data, size_t length) {
    struct record record = {op, {0}, inode, a, length};
    struct iovec parts[2] = {{&record, sizeof record}, {(void *)data, length}};
    int kept = errno;
    if (log_file >= 0 && writev(log_file, parts, data == NULL ? 1 : 2) < 0) abort();
    errno = kept;
}

static uint64_t inode_of(int file) {
    struct stat found;
    return fstat(file, &found) == 0 ? found.st_ino : 0;
}

static int kind_of(int file) { return file >= 0 && file < MOST_FILES ? kinds[file] : NO_FILE; }

static int ours(const char *path) {
    const char *name = strrchr(path, '/');
    size_t length = strlen(path);
    if (under == NULL || name == NULL || strncmp(path, under, strlen(under)) != 0) return 0;
    if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return 0;
    return strncmp(name, "/invigil.db", 11) == 0;
}

static int opened(int file, const char *path, int existed) {
    struct stat found;
    if (file < 0 || file >= MOST_FILES || under == NULL) return file;
    kinds[file] = NO_FILE;
    if (ours(path)) {
        kinds[file] = OURS;
        note('O', inode_of(file), !existed, path, strlen(path));
    } else if (strncmp(path, under, strlen(under)) == 0 && fstat(file, &found) == 0 && S_ISDIR(found.st_mode)) {
        kinds[file] = FOLDER;
    }
    return file;
}

static int open_by(const char *which, const char *path, int flags, int mode) {
    int existed = access(path, F_OK) == 0;
    int (*really)(const char *, int, ...) = real(which);
    return opened(really(path, flags, mode), path, existed);
}

#define MODE(flags, mode) \
    int mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, int); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_by("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_by("open64", path, flags, mode);
}

int close(int file) {
    if (file >= 0 && file < MOST_FILES) kinds[file] = NO_FILE;
    return REAL(close)(file);
}

static int refused(int file, off64_t offset, size_t length) {
    struct stat found;
    if (fail_write > 0 && --fail_write == 0) {
        errno = write_error;
        return 1;
    }
    if (full != NULL && fstat(file, &found) == 0 && offset + (off64_t)length > found.st_size) {
        int kept = errno, is_full = access(full, F_OK) == 0;
        errno = is_full ? ENOSPC : kept;
        return is_full;
    }
    return 0;
}

ssize_t write(int file, const void *data, size_t length) {
    if (kind_of(file) != OURS) return REAL(write)(file, data, length);
    off64_t offset = lseek64(file, 0, SEEK_CUR);
    if (refused(file, offset, length)) return -1;
    ssize_t done = REAL(write)(file, data, length);
    if (done > 0) note('W', inode_of(file), (uint64_t)offset, data, (size_t)done);
    return done;
}

static ssize_t write_at(const char *which, int file, const void *data, size_t length, off64_t offset) {
    ssize_t (*really)(int, const void *, size_t, off64_t) = real(which);
    if (kind_of(file) == OURS && refused(file, offset, length)) return -1;
    ssize_t done = really(file, data, length, offset);
    if (done > 0 && kind_of(file) == OURS) note('W', inode_of(file), (uint64_t)offset, data, (size_t)done);
    return done;
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    return write_at("pwrite", file, data, length, offset);
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
    return write_at("pwrite64", file, data, length, offset);
}

static int cut(const char *which, int file, off64_t size) {
    int (*really)(int, off64_t) = real(which);
    int done = really(file, size);
    if (done == 0 && kind_of(file) == OURS) note('T', inode_of(file), (uint64_t)size, NULL, 0);
    return done;
}

int ftruncate(int file, off_t size) { return cut("ftruncate", file, size); }

int ftruncate64(int file, off64_t size) { return cut("ftruncate64", file, size); }

static int synced(const char *which, int file) {
    int (*really)(int) = real(which);
    int kind = kind_of(file);
    if (kind == OURS) {
        struct timespec pause = {delay_us / 1000000, delay_us % 1000000 * 1000};
        if (delay_us > 0) nanosleep(&pause, NULL);
        if (fail_sync > 0 && --fail_sync == 0) {
            note('F', inode_of(file), 0, NULL, 0);
            errno = sync_error;
            if (!retries) return -1;
        }
    }
    int done = really(file);
    if (done == 0 && kind != NO_FILE) note(kind == OURS ? 'S' : 'D', inode_of(file), 0, NULL, 0);
    return done;
}

int fsync(int file) { return synced("fsync", file); }

int fdatasync(int file) { return synced("fdatasync", file); }

int unlink(const char *path) {
    int done = REAL(unlink)(path);
    if (done == 0 && ours(path)) note('U', 0, 0, path, strlen(path));
    return done;
}

int rename(const char *before, const char *after) {
    int done = REAL(rename)(before, after);
    size_t first = strlen(before) + 1, second = strlen(after);
    if (done == 0 && (ours(before) || ours(after))) {
        char both[8192];
        if (first + second > sizeof both) abort();
        memcpy(both, before, first);
        memcpy(both + first, after, second);
        note('R', 0, 0, both, first + second);
    }
    return done;
}
