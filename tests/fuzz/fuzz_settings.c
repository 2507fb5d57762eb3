/* A settings file: whatever it says, accepted values keep the bounds of the real table, and a refusal names a line. */
#include "fuzz.h"

#include "cmd/config.h"

#include <unistd.h>

static const char *file_path(void)
{
    static char path[64];
    if (!path[0]) {
        const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(path, sizeof path, "%s/roster-fuzz-%ld.conf", folder, (long)getpid());
    }
    return path;
}

static void remove_file(void)
{
    unlink(file_path());
}

static void check_bounds(const struct config *config)
{
    for (const struct setting *setting = config_settings; setting->name; setting++) {
        const void *at = (const char *)config + setting->offset;
        if (setting->kind == SETTING_NUMBER &&
            (setting->initial || *(const int64_t *)at)) /* without an initial value 0 is "not set" */
            promise(*(const int64_t *)at >= setting->min && *(const int64_t *)at <= setting->max);
        if (setting->kind == SETTING_CHOICE) promise(*(const int *)at >= 0);
        if (setting->kind == SETTING_SWITCH) promise(*(const int *)at >= SWITCH_AUTO && *(const int *)at <= SWITCH_OFF);
        if (setting->kind == SETTING_FLAG) promise(*(const unsigned char *)at <= 1);
        if (setting->kind == SETTING_TEXT && *(const char *const *)at)
            promise(strlen(*(const char *const *)at) <= (setting->max ? (size_t)setting->max : 4096));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int registered;
    if (!registered++) atexit(remove_file);
    FILE *file = fopen(file_path(), "w");
    promise(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    struct config config = { 0 };
    struct arena arena = ARENA_INIT;
    struct failure failure = { 0 };
    settings_defaults(config_settings, &config, &arena);
    check_bounds(&config);
    enum err e = settings_read_file(&failure, config_settings, &config, &arena, file_path());
    promise(e == ERR_OK || (failure.code == e && strstr(failure.text, file_path())));
    check_bounds(&config);
    arena_free(&arena);
    return 0;
}
