#include "directory/importer.h"

#include "base/clock.h"
#include "cmd/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

// clang-format off
const struct setting import_options[] = {
    { "dry_run",    SETTING_FLAG, offsetof(struct import_flags, dry_run),    "false", 0, 0, NULL, AT_START, NULL, "tell what would be done and import nothing" },
    { "keep_going", SETTING_FLAG, offsetof(struct import_flags, keep_going), "false", 0, 0, NULL, AT_START, NULL, "import the good lines and report the bad ones (exit code 1)" },
    { 0 },
};
// clang-format on

enum { REPORTED_MAX = 1000 };

struct importing {
    const char *name;
    int64_t size; /* of the file in bytes, 0 if not known */
    int64_t begun, shown;
    int64_t reported;
    bool show_progress, progress_on_line;
};

static void clear_progress(struct importing *importing)
{
    if (importing->progress_on_line) fputs("\r\033[K", stderr);
    importing->progress_on_line = false;
}

static void report(void *context, int64_t line, const char *text)
{
    struct importing *importing = context;
    clear_progress(importing);
    importing->reported++;
    if (importing->reported <= REPORTED_MAX) fprintf(stderr, "%s:%lld: %s\n", importing->name, (long long)line, text);
    if (importing->reported == REPORTED_MAX) fprintf(stderr, "%s: more bad lines are counted but not shown\n", importing->name);
}

static void progress(void *context, int reading, int64_t lines, int64_t bytes)
{
    struct importing *importing = context;
    int64_t now = clock_monotonic_ns();
    if (!importing->show_progress || now - importing->shown < 200000000) return;
    importing->shown = now;
    double seconds = (double)(now - importing->begun) / 1e9;
    fprintf(stderr, "\r\033[K%s %lld lines, %.0f lines/s", reading ? "importing" : "checking", (long long)lines,
            (double)lines / seconds);
    if (importing->size && bytes && reading)
        fprintf(stderr, ", about %.0f s left", seconds * (double)(importing->size - bytes) / (double)bytes);
    importing->progress_on_line = true;
    fflush(stderr);
}

static void print_counts(const struct import_counts *counts, bool dry_run)
{
    for (enum noun noun = 0; noun < NOUN_COUNT; noun++) {
        int64_t all = counts->created[noun] + counts->changed[noun] + counts->unchanged[noun] + counts->deleted[noun];
        if (!all) continue;
        printf("%ss: %lld created, %lld changed, %lld unchanged", noun_name(noun), (long long)counts->created[noun],
               (long long)counts->changed[noun], (long long)counts->unchanged[noun]);
        if (counts->deleted[noun]) printf(", %lld deleted", (long long)counts->deleted[noun]);
        putchar('\n');
    }
    if (dry_run) puts("dry run: nothing was imported");
}

enum err command_import_file(struct op *op, struct store *store, FILE *file, const char *name, const struct import_flags *flags,
                             bool quiet)
{
    struct importing importing = { .name = name,
                                   .begun = clock_monotonic_ns(),
                                   .show_progress = !quiet && isatty(STDERR_FILENO) };
    if (fseeko(file, 0, SEEK_END) == 0) importing.size = ftello(file);
    struct import_options options = {
        .dry_run = flags->dry_run, .keep_going = flags->keep_going, .report = report, .progress = progress, .context = &importing
    };
    struct import_counts counts;
    enum err e = directory_import(op, store, file, &options, &counts);
    clear_progress(&importing);
    bool told = flags->dry_run || counts.commits || !counts.bad;
    if (!quiet && told) print_counts(&counts, flags->dry_run);
    if (!quiet && !told) fprintf(stderr, "%s: nothing was imported\n", name);
    return e;
}

/* Standard input is read twice too, so it goes to a file first. */
static FILE *spool(FILE *in)
{
    FILE *file = tmpfile();
    char bytes[1 << 16];
    size_t size;
    while (file && (size = fread(bytes, 1, sizeof bytes, in)) > 0)
        if (fwrite(bytes, 1, size, file) != size) {
            fclose(file);
            return NULL;
        }
    return file;
}

int command_import(struct command_line *line)
{
    const struct import_flags *flags = line->options;
    const char *name = line->words[0];
    bool from_input = strcmp(name, "-") == 0;
    FILE *file = from_input ? spool(stdin) : fopen(name, "re");
    if (!file) return command_fail(EXIT_BAD, "%s: %s", name, strerror(errno));
    AUTO_OP op = op_begin();
    op.caller.system = true;
    struct store *store;
    enum err e = command_open_store(&op, line, flags->dry_run ? STORE_TRY : STORE_FILL, &store);
    if (!e) {
        e = command_import_file(&op, store, file, from_input ? "standard input" : name, flags, false);
        store_close(store);
    }
    fclose(file);
    return e ? command_fail_op(&op) : EXIT_DONE;
}
