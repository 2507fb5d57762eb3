/* openpgp_confine.c — what the library may do while it works for us: decompress a bounded amount, recurse on a stack that is
 * large enough for the largest input, and not print.
 *
 * The library decompresses while it parses, up to 32 levels deep, and bounds only the final text: some hundred bytes, compressed
 * three times over, become terabytes of packets that are read and dropped. It has no setting against that and calls nobody who
 * could stop it. And where it was built with assertions, as by Debian, it prints on standard error what it dislikes, with pieces
 * of the message, without a way to turn that off. But all of it goes through zlib's inflate() and the C library's
 * __fprintf_chk(), and a program's own function comes before a library's of the same name: the functions of this file are what
 * every library of the program calls. They hand on to the real ones, except in a confined thread. bzip2 is refused there: nobody
 * who reads our key's preferences sends it. A library linked in another way (with a zlib of its own) would not come here:
 * confine_holds tries it out.
 *
 * A signature may contain a signature, which the library reads recursively: 14 octets a level, 4.6 KiB of stack in version 0.16.
 * 40 KiB of them in a message overran a stack of 8 MiB. So the work is done in a thread whose stack is known, and messages are
 * small enough for a quarter of it. The thread costs 25 us. */
#include "auth/openpgp_parts.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <zlib.h>

enum { STACK_SIZE = 16 << 20 };

static _Thread_local struct {
    bool on;
    size_t left; /* bytes that may still be decompressed */
} confined;

struct task {
    struct op *op;
    size_t decompressed_max;
    confined_work *work;
    void *data;
    enum err result;
};

static void *run_task(void *data)
{
    struct task *task = data;
    pthread_setname_np(pthread_self(), "roster-openpgp");
    confined.on = true;
    confined.left = task->decompressed_max;
    task->result = task->work(task->op, task->data);
    return NULL;
}

enum err confine_run(struct op *op, size_t decompressed_max, confined_work *work, void *data)
{
    if (!op->may_block) return ERR_DEFERRED;
    struct task task = { .op = op, .decompressed_max = decompressed_max, .work = work, .data = data };
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    int failed = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (!failed) failed = pthread_create(&thread, &attributes, run_task, &task);
    pthread_attr_destroy(&attributes);
    if (failed) return op_fail(op, ERR_STORAGE, "", "cannot start a thread for OpenPGP");
    pthread_join(thread, NULL);
    return task.result;
}

/* The function that one of this file hides. */
static void *hidden(_Atomic(void *) *kept, const char *name)
{
    void *function = atomic_load_explicit(kept, memory_order_acquire);
    if (!function) {
        function = dlsym(RTLD_NEXT, name);
        atomic_store_explicit(kept, function, memory_order_release);
    }
    return function;
}

int inflate(z_streamp stream, int flush)
{
    static _Atomic(void *) kept;
    int (*zlib_inflate)(z_streamp, int) = (int (*)(z_streamp, int))hidden(&kept, "inflate");
    if (!zlib_inflate) return Z_VERSION_ERROR;
    if (!confined.on) return zlib_inflate(stream, flush);

    if (confined.left == 0) return Z_DATA_ERROR;
    uInt room = stream->avail_out;
    uInt allowed = room < confined.left ? room : (uInt)confined.left;
    stream->avail_out = allowed;
    int result = zlib_inflate(stream, flush);
    confined.left -= allowed - stream->avail_out;
    stream->avail_out += room - allowed;
    return result;
}

/* As bzlib.h has it, which is not worth a dependency. */
enum { BZ_CONFIG_ERROR = -9 };
int BZ2_bzDecompressInit(void *stream, int verbosity, int small);

int BZ2_bzDecompressInit(void *stream, int verbosity, int small)
{
    static _Atomic(void *) kept;
    if (confined.on) return BZ_CONFIG_ERROR;
    int (*bzip2_init)(void *, int, int) = (int (*)(void *, int, int))hidden(&kept, "BZ2_bzDecompressInit");
    return bzip2_init ? bzip2_init(stream, verbosity, small) : BZ_CONFIG_ERROR;
}

/* As glibc has it with _FORTIFY_SOURCE: what fprintf() of a library becomes. NOLINTBEGIN(bugprone-reserved-identifier) */
extern int __fprintf_chk(FILE *restrict stream, int flag, const char *restrict format, ...);

int __fprintf_chk(FILE *restrict stream, int flag, const char *restrict format, ...)
{
    (void)flag;
    if (confined.on) return 0;
    va_list arguments;
    va_start(arguments, format);
    int size = vfprintf(stream, format, arguments);
    va_end(arguments);
    return size;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* Whether the library can read a message of one compressed packet. */
static bool can_decompress(const uint8_t *message, size_t size)
{
    AUTO_FFI ffi = NULL;
    AUTO_INPUT input = NULL;
    AUTO_OUTPUT output = NULL;
    rnp_op_verify_t reading = NULL;
    bool can = rnp_ffi_create(&ffi, RNP_KEYSTORE_GPG, RNP_KEYSTORE_GPG) == RNP_SUCCESS &&
               rnp_input_from_memory(&input, message, size, false) == RNP_SUCCESS &&
               rnp_output_to_memory(&output, 64) == RNP_SUCCESS &&
               rnp_op_verify_create(&reading, ffi, input, output) == RNP_SUCCESS && rnp_op_verify_execute(reading) == RNP_SUCCESS;
    rnp_op_verify_destroy(reading);
    return can;
}

bool confine_holds(void)
{
    /* a compressed packet of indeterminate length: raw deflate, one stored block with a literal packet that says "ok" */
    static const uint8_t deflated[] = { 0xa3, 1, 1, 10, 0, 0xf5, 0xff, 0xcb, 8, 'b', 0, 0, 0, 0, 0, 'o', 'k' };
    size_t left = confined.left;
    confined.left = sizeof deflated;
    bool within = can_decompress(deflated, sizeof deflated);
    confined.left = 1;
    bool beyond = can_decompress(deflated, sizeof deflated);
    confined.left = left;
    return within && !beyond;
}
