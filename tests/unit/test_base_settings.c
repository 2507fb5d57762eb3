#include "unit.h"

#include "base/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sample {
    const char *store, *name;
    int64_t threads, port, rate;
    bool quiet, strict;
    int format, follow;
};

#define LONG_HELP "how many threads answer requests; more than there are processors rarely helps anybody at all"

static const char *check_name(const char *value)
{
    return strchr(value, '@') ? "there is an @ in it" : NULL;
}

// clang-format off
#define AT(member) offsetof(struct sample, member)
static const struct setting table[] = {
    { "store_url",  SETTING_TEXT,   AT(store),   NULL,     0, 0,   NULL,        AT_START,  "URL", "where everything is kept" },
    { "name",       SETTING_TEXT,   AT(name),    "roster", 0, 8,   NULL,        AT_START,  NULL,  "what it is called", check_name },
    { "threads",    SETTING_NUMBER, AT(threads), "4",      1, 256, NULL,        AT_START,  NULL,  LONG_HELP },
    { "quiet",      SETTING_FLAG,   AT(quiet),   NULL,     0, 0,   NULL,        AT_START,  NULL,  "say nothing" },
    { "strict",     SETTING_FLAG,   AT(strict),  "true",   0, 0,   NULL,        ON_RELOAD, NULL,  "refuse what is odd" },
    { "log_format", SETTING_CHOICE, AT(format),  "json",   0, 0,   "text|json", ON_RELOAD, NULL,  "how lines look" },
    { "net.web.port", SETTING_NUMBER, AT(port),  NULL,     1, 99,  NULL,        AT_START,  NULL,  "where it listens" },
    { "follow",     SETTING_SWITCH, AT(follow),  "auto",   0, 0,   NULL,        AT_START,  NULL,  "look what others do" },
    { "rate_limit", SETTING_NUMBER, AT(rate),    "none",   0, 900, "none=0|on=700|all=901", ON_RELOAD, NULL, "how often" },
    { 0 },
};
// clang-format on

struct fixture {
    struct arena arena;
    struct sample sample;
    struct failure failure;
};

static struct fixture begin(void)
{
    struct fixture f = { 0 };
    settings_defaults(table, &f.sample, &f.arena);
    return f;
}

static void end(struct fixture *f)
{
    arena_free(&f->arena);
}

#define AUTO_FIXTURE __attribute__((cleanup(end))) struct fixture

static enum err set(struct fixture *f, const char *name, const char *value)
{
    failure_clear(&f->failure);
    return settings_set(&f->failure, table, &f->sample, &f->arena, "here", name, value);
}

static enum err read_file(struct fixture *f, const char *content, size_t size)
{
    char path[] = "/tmp/roster-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, content, size), size);
    close(fd);
    failure_clear(&f->failure);
    enum err e = settings_read_file(&f->failure, table, &f->sample, &f->arena, path);
    unlink(path);
    if (e) { /* the message begins with the path, which is random */
        assert_memory_equal(f->failure.text, path, strlen(path));
        memmove(f->failure.text, f->failure.text + strlen(path), strlen(f->failure.text + strlen(path)) + 1);
    }
    return e;
}

static enum err read_flags(struct fixture *f, const char *const *argv, const char **positional, size_t max, size_t *ret_count)
{
    int argc = 0;
    while (argv[argc]) argc++;
    const struct settings_target targets[] = { { table, &f->sample }, { NULL, NULL } };
    failure_clear(&f->failure);
    return settings_read_flags(&f->failure, targets, &f->arena, argc, (char *const *)argv, positional, max, ret_count);
}

static void defaults_come_from_the_table(void **state)
{
    (void)state;
    AUTO_FIXTURE f = begin();
    assert_null(f.sample.store);
    assert_string_equal(f.sample.name, "roster");
    assert_int_equal(f.sample.threads, 4);
    assert_false(f.sample.quiet);
    assert_true(f.sample.strict);
    assert_int_equal(f.sample.format, 1);
}

static void a_value_is_set_by_name_with_dashes_underscores_or_dots(void **state)
{
    (void)state;
    AUTO_FIXTURE f = begin();
    assert_int_equal(set(&f, "store-url", "sqlite:a.db"), ERR_OK);
    assert_string_equal(f.sample.store, "sqlite:a.db");
    assert_int_equal(set(&f, "store_url", "sqlite:b.db"), ERR_OK);
    assert_string_equal(f.sample.store, "sqlite:b.db");
    assert_int_equal(set(&f, "store.url", "sqlite:c.db"), ERR_OK);
    assert_string_equal(f.sample.store, "sqlite:c.db");
    assert_int_equal(set(&f, "log-format", "text"), ERR_OK);
    assert_int_equal(f.sample.format, 0);
    assert_int_equal(set(&f, "threads", "256"), ERR_OK);
    assert_int_equal(f.sample.threads, 256);
}

static void a_name_with_dots_is_known_everywhere(void **state)
{
    (void)state;
    static const char *const names[] = { "net.web.port", "net_web_port", "net-web-port", "net.web-port" };
    static const char *const flags[] = { "--net.web.port", "--net-web-port", "--net_web_port" };
    AUTO_FIXTURE f = begin();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char line[40];
        f.sample.port = 0;
        assert_int_equal(set(&f, names[i], "80"), ERR_OK);
        assert_int_equal(f.sample.port, 80);
        snprintf(line, sizeof line, "%s = 81\n", names[i]);
        assert_int_equal(read_file(&f, line, strlen(line)), ERR_OK);
        assert_int_equal(f.sample.port, 81);
    }
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        const char *const argv[] = { flags[i], "82", NULL };
        size_t count;
        f.sample.port = 0;
        assert_int_equal(read_flags(&f, argv, NULL, 0, &count), ERR_OK);
        assert_int_equal(f.sample.port, 82);
    }
    char *environment[] = { (char *)"ROSTER_NET_WEB_PORT=83", NULL };
    assert_int_equal(settings_read_environment(&f.failure, table, &f.sample, &f.arena, environment), ERR_OK);
    assert_int_equal(f.sample.port, 83);
    assert_int_equal(set(&f, "netwebport", "84"), ERR_INVALID);
    assert_int_equal(set(&f, "net..web.port", "84"), ERR_INVALID);
    assert_int_equal(set(&f, "net/web/port", "84"), ERR_INVALID);
}

static void a_word_may_stand_for_a_number(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "o", "onn", "on=700", "none=0|on", "700=on", "ON" };
    AUTO_FIXTURE f = begin();
    assert_int_equal(f.sample.rate, 0);
    assert_int_equal(set(&f, "rate_limit", "on"), ERR_OK);
    assert_int_equal(f.sample.rate, 700);
    assert_int_equal(set(&f, "rate_limit", "none"), ERR_OK);
    assert_int_equal(f.sample.rate, 0);
    assert_int_equal(set(&f, "rate_limit", "12"), ERR_OK);
    assert_int_equal(f.sample.rate, 12);
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_int_equal(set(&f, "rate_limit", bad[i]), ERR_INVALID);
    assert_int_equal(set(&f, "rate_limit", "often"), ERR_INVALID);
    assert_string_equal(f.failure.text, "here: \"often\" is not a whole number or one of none=0|on=700|all=901");
    assert_int_equal(set(&f, "rate_limit", "all"), ERR_INVALID);
    assert_string_equal(f.failure.text, "here: 901 is not between 0 and 900");
    assert_int_equal(set(&f, "threads", "on"), ERR_INVALID);
    assert_int_equal(f.sample.rate, 12);
}

static void flags_are_written_in_several_words(void **state)
{
    (void)state;
    static const char *const yes[] = { "true", "yes", "on", "1" }, *const no[] = { "false", "no", "off", "0" };
    AUTO_FIXTURE f = begin();
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(set(&f, "quiet", yes[i]), ERR_OK);
        assert_true(f.sample.quiet);
        assert_int_equal(set(&f, "quiet", no[i]), ERR_OK);
        assert_false(f.sample.quiet);
    }
}

static void a_switch_is_a_flag_that_may_be_left_to_the_program(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int position;
    } cases[] = {
        { "true", SWITCH_ON }, { "no", SWITCH_OFF }, { "auto", SWITCH_AUTO }, { "1", SWITCH_ON }, { "off", SWITCH_OFF },
    };
    AUTO_FIXTURE f = begin();
    assert_int_equal(f.sample.follow, SWITCH_AUTO);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(set(&f, "follow", cases[i].value), ERR_OK);
        assert_int_equal(f.sample.follow, cases[i].position);
    }
}

static void a_switch_is_given_as_flags_are(void **state)
{
    (void)state;
    static const struct {
        const char *argv[3];
        int position;
        size_t words;
    } cases[] = {
        { { "--follow" }, SWITCH_ON, 0 },
        { { "--follow=false" }, SWITCH_OFF, 0 },
        { { "--follow=auto" }, SWITCH_AUTO, 0 },
        { { "--follow", "false" }, SWITCH_ON, 1 }, /* as with a flag: the word is another's */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = begin();
        const char *positional[1];
        size_t count;
        assert_int_equal(read_flags(&f, cases[i].argv, positional, 1, &count), ERR_OK);
        assert_int_equal(f.sample.follow, cases[i].position);
        assert_int_equal(count, cases[i].words);
    }
}

static void a_bad_value_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *text;
    } cases[] = {
        { "threads", "0", "here: 0 is not between 1 and 256" },
        { "threads", "257", "here: 257 is not between 1 and 256" },
        { "threads", "-5", "here: -5 is not between 1 and 256" },
        { "threads", "", "here: \"\" is not a whole number" },
        { "threads", "4x", "here: \"4x\" is not a whole number" },
        { "threads", "99999999999999999999", "here: \"99999999999999999999\" is not a whole number" },
        { "quiet", "maybe", "here: \"maybe\" is neither true nor false" },
        { "follow", "maybe", "here: \"maybe\" is neither auto nor true nor false" },
        { "follow", "", "here: \"\" is neither auto nor true nor false" },
        { "log_format", "xml", "here: \"xml\" is not one of text|json" },
        { "log_format", "", "here: \"\" is not one of text|json" },
        { "log_format", "text|json", "here: \"text|json\" is not one of text|json" },
        { "name", "123456789", "here: the text is longer than 8 bytes" },
        { "name", "me@home", "here: there is an @ in it" },
        { "foo", "1", "here: unknown setting \"foo\"" },
        { "thread", "1", "here: unknown setting \"thread\"" },
        { "threads_", "1", "here: unknown setting \"threads_\"" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = begin();
        assert_int_equal(set(&f, cases[i].name, cases[i].value), ERR_INVALID);
        assert_string_equal(f.failure.text, cases[i].text);
        assert_string_equal(f.failure.field, cases[i].name);
        assert_int_equal(f.sample.threads, 4);
    }
}

static void a_file_has_a_setting_a_line(void **state)
{
    (void)state;
    static const char content[] = "# a comment\n"
                                  "\n"
                                  "threads = 8\r\n"
                                  "  store_url=postgres://host/db#fragment   # a comment\n"
                                  "name = \" a # b \" # a comment\n"
                                  "quiet = yes";
    AUTO_FIXTURE f = begin();
    assert_int_equal(read_file(&f, content, sizeof content - 1), ERR_OK);
    assert_int_equal(f.sample.threads, 8);
    assert_string_equal(f.sample.store, "postgres://host/db#fragment");
    assert_string_equal(f.sample.name, " a # b ");
    assert_true(f.sample.quiet);
}

static void a_bad_line_is_named_with_its_number(void **state)
{
    (void)state;
    static const struct {
        const char *content, *text;
    } cases[] = {
        { "threads = 8\nfoo = 1\n", ":2: unknown setting \"foo\"" },
        { "\n\nthreads = 0\n", ":3: threads: 0 is not between 1 and 256" },
        { "threads\n", ":1: the line is not name = value" },
        { "= 8\n", ":1: unknown setting \"\"" },
        { "name = \"open\n", ":1: the quoted value does not end with its quote" },
        { "name = \"a\" b\n", ":1: the quoted value does not end with its quote" },
        { "name = \xff\n", ":1: the line is not UTF-8 text" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = begin();
        assert_int_equal(read_file(&f, cases[i].content, strlen(cases[i].content)), ERR_INVALID);
        assert_string_equal(f.failure.text, cases[i].text);
    }
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    (void)state;
    AUTO_FIXTURE f = begin();
    size_t size = (1 << 20) + 1;
    char *content = malloc(size);
    memset(content, ' ', size);
    assert_int_equal(read_file(&f, content, size), ERR_INVALID);
    assert_string_equal(f.failure.text, ": the file is larger than 1 MiB");
    memset(content, '\n', size);
    assert_int_equal(read_file(&f, content, 10001), ERR_INVALID);
    assert_string_equal(f.failure.text, ": more than 10000 lines");
    assert_int_equal(read_file(&f, content, 10000), ERR_OK);
    free(content);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    AUTO_FIXTURE f = begin();
    assert_int_equal(settings_read_file(&f.failure, table, &f.sample, &f.arena, "/nonexistent/roster.conf"), ERR_NOT_FOUND);
    assert_string_equal(f.failure.text, "/nonexistent/roster.conf: No such file or directory");
}

static void the_environment_is_read_where_it_begins_with_roster(void **state)
{
    (void)state;
    char *environment[] = { (char *)"PATH=/bin", (char *)"ROSTER_THREADS=16", (char *)"ROSTER_STORE_URL=sqlite:a=b",
                            (char *)"XROSTER_FOO=1", NULL };
    AUTO_FIXTURE f = begin();
    assert_int_equal(settings_read_environment(&f.failure, table, &f.sample, &f.arena, environment), ERR_OK);
    assert_int_equal(f.sample.threads, 16);
    assert_string_equal(f.sample.store, "sqlite:a=b");
}

static void a_bad_variable_is_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "ROSTER_FOO=1", "environment: ROSTER_FOO: there is no such setting" },
        { "ROSTER_threads=1", "environment: ROSTER_threads: there is no such setting" },
        { "ROSTER_THREADS=0", "environment: ROSTER_THREADS: 0 is not between 1 and 256" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *environment[] = { (char *)cases[i][0], NULL };
        AUTO_FIXTURE f = begin();
        assert_int_equal(settings_read_environment(&f.failure, table, &f.sample, &f.arena, environment), ERR_INVALID);
        assert_string_equal(f.failure.text, cases[i][1]);
    }
}

static void flags_and_words_may_be_mixed(void **state)
{
    (void)state;
    static const char *const argv[] = { "one", "--threads", "8", "--store-url=a=b", "--quiet", "two", "--strict=false", "-",
                                        "--",  "--three",   NULL };
    AUTO_FIXTURE f = begin();
    const char *positional[4];
    size_t count;
    assert_int_equal(read_flags(&f, argv, positional, 4, &count), ERR_OK);
    assert_int_equal(f.sample.threads, 8);
    assert_string_equal(f.sample.store, "a=b");
    assert_true(f.sample.quiet);
    assert_false(f.sample.strict);
    assert_int_equal(count, 4);
    assert_string_equal(positional[0], "one");
    assert_string_equal(positional[1], "two");
    assert_string_equal(positional[2], "-");
    assert_string_equal(positional[3], "--three");
}

static void a_bad_flag_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *argv[3];
        const char *text;
    } cases[] = {
        { { "--foo=1" }, "--foo: there is no such flag" },
        { { "-t" }, "-t: there is no such flag" },
        { { "--=1" }, "--: there is no such flag" },
        { { "--threads" }, "--threads: the value is missing" },
        { { "--threads", "--quiet" }, "--threads: the value is missing" },
        { { "--threads", "0" }, "--threads: 0 is not between 1 and 256" },
        { { "--threads=" }, "--threads: \"\" is not a whole number" },
        { { "one", "two" }, "\"two\" is one argument too many" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = begin();
        const char *positional[1];
        size_t count;
        assert_int_equal(read_flags(&f, cases[i].argv, positional, 1, &count), ERR_INVALID);
        assert_string_equal(f.failure.text, cases[i].text);
    }
}

static void the_first_table_that_knows_a_flag_takes_it(void **state)
{
    (void)state;
    AUTO_FIXTURE first = begin(), second = begin();
    static const struct setting other[] = {
        { "quiet", SETTING_FLAG, offsetof(struct sample, quiet), NULL, 0, 0, NULL, AT_START, NULL, "" }, { 0 }
    };
    const struct settings_target targets[] = { { other, &first.sample }, { table, &second.sample }, { NULL, NULL } };
    char *argv[] = { (char *)"--quiet", (char *)"--threads", (char *)"9" };
    size_t count;
    assert_int_equal(settings_read_flags(&first.failure, targets, &first.arena, 3, argv, NULL, 0, &count), ERR_OK);
    assert_true(first.sample.quiet);
    assert_false(second.sample.quiet);
    assert_int_equal(second.sample.threads, 9);
}

static void help_is_printed_from_the_table(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    settings_print_help(table, out);
    fclose(out);
    assert_string_equal(text, "  --store-url URL              where everything is kept\n"
                              "  --name TEXT                  what it is called (default roster)\n"
                              "  --threads N                  how many threads answer requests; more than there are processors\n"
                              "                               rarely helps anybody at all (default 4; 1 to 256)\n"
                              "  --quiet                      say nothing\n"
                              "  --strict[=true|false]        refuse what is odd (default true)\n"
                              "  --log-format text|json       how lines look (default json)\n"
                              "  --net-web-port N             where it listens (1 to 99)\n"
                              "  --follow[=auto|true|false]   look what others do (default auto)\n"
                              "  --rate-limit N               how often (default none; 0 to 900; none=0|on=700|all=901)\n");
    free(text);
}

static void a_wide_flag_stands_on_a_line_of_its_own(void **state)
{
    (void)state;
    static const struct setting wide[] = {
        { "short", SETTING_NUMBER, 0, "5", 1, 9, NULL, AT_START, NULL, "small" },
        { "a_name_that_is_really_very_long_indeed", SETTING_NUMBER, 0, NULL, 1, 9, NULL, AT_START, NULL, "large" },
        { 0 },
    };
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    settings_print_help(wide, out);
    fclose(out);
    assert_string_equal(text, "  --short N   small (default 5; 1 to 9)\n"
                              "  --a-name-that-is-really-very-long-indeed N\n"
                              "              large (1 to 9)\n");
    free(text);
}

static void note_name(void *context, const struct setting *setting)
{
    char *names = context;
    snprintf(names + strlen(names), 200 - strlen(names), "%s ", setting->name);
}

static void what_differs_is_named(void **state)
{
    (void)state;
    AUTO_FIXTURE a = begin(), b = begin();
    char names[200] = "";
    settings_compare(table, &a.sample, &b.sample, note_name, names);
    assert_string_equal(names, "");
    assert_int_equal(set(&b, "store_url", "x"), ERR_OK);
    assert_int_equal(set(&b, "name", "roster"), ERR_OK); /* as it was, in another place */
    assert_int_equal(set(&b, "threads", "5"), ERR_OK);
    assert_int_equal(set(&b, "strict", "no"), ERR_OK);
    assert_int_equal(set(&b, "log_format", "text"), ERR_OK);
    assert_int_equal(set(&b, "follow", "on"), ERR_OK);
    settings_compare(table, &a.sample, &b.sample, note_name, names);
    assert_string_equal(names, "store_url threads strict log_format follow ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_from_the_table),
        cmocka_unit_test(a_value_is_set_by_name_with_dashes_underscores_or_dots),
        cmocka_unit_test(a_name_with_dots_is_known_everywhere),
        cmocka_unit_test(a_word_may_stand_for_a_number),
        cmocka_unit_test(flags_are_written_in_several_words),
        cmocka_unit_test(a_switch_is_a_flag_that_may_be_left_to_the_program),
        cmocka_unit_test(a_switch_is_given_as_flags_are),
        cmocka_unit_test(a_bad_value_is_refused_with_a_sentence),
        cmocka_unit_test(a_file_has_a_setting_a_line),
        cmocka_unit_test(a_bad_line_is_named_with_its_number),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(a_missing_file_is_not_found),
        cmocka_unit_test(the_environment_is_read_where_it_begins_with_roster),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(flags_and_words_may_be_mixed),
        cmocka_unit_test(a_bad_flag_is_named),
        cmocka_unit_test(the_first_table_that_knows_a_flag_takes_it),
        cmocka_unit_test(help_is_printed_from_the_table),
        cmocka_unit_test(a_wide_flag_stands_on_a_line_of_its_own),
        cmocka_unit_test(what_differs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
