/* Query strings of Passbolt's API: how names with brackets are read, and what a request for groups asks for. */
#include "passbolt_fixture.h"

#include "api/passbolt/options.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

/* As a handler gets it; good until the end of the test. */
static const struct passbolt_value *parse(const char *query)
{
    struct request request = { .query = query };
    assert_int_equal(request_parse_query(&op.failure, &op.arena, &request), ERR_OK);
    return passbolt_query_parse(&op.arena, request.parameters, request.parameter_count);
}

/* --- names --- */

/* `{key:text,#index:{...}}`, the # before keys that are whole numbers. */
static void show(const struct passbolt_value *value, struct buf *out)
{
    if (value->text) {
        buf_add_text(out, value->text);
        return;
    }
    buf_add_char(out, '{');
    for (const struct passbolt_value *item = value->first; item; item = item->next) {
        if (item != value->first) buf_add_char(out, ',');
        if (item->is_index) buf_add_char(out, '#');
        buf_add_text(out, item->key);
        buf_add_char(out, ':');
        show(item, out);
    }
    buf_add_char(out, '}');
}

static void names_are_read_as_php_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *query, *expected;
    } cases[] = {
        { "", "{}" },
        { "a=1", "{a:1}" },
        { "a", "{a:}" },
        { "api-version=v2&contain[user]=1", "{api-version:v2,contain:{user:1}}" },
        { "contain%5Buser%5D=1", "{contain:{user:1}}" },
        { "contain%5buser%5d=1", "{contain:{user:1}}" },
        { "a[b]=1&a[c]=2", "{a:{b:1,c:2}}" },
        { "a[b][c]=1&a[b][d]=2", "{a:{b:{c:1,d:2}}}" },
        { "contain[groups_users.user.profile]=1", "{contain:{groups_users.user.profile:1}}" },
        /* indices */
        { "a[]=x&a[]=y", "{a:{#0:x,#1:y}}" },
        { "a[5]=x&a[]=y&a[2]=z&a[]=w", "{a:{#5:x,#6:y,#2:z,#7:w}}" },
        { "a[-3]=x&a[]=y", "{a:{#-3:x,#0:y}}" },
        { "a[07]=x&a[+7]=y&a[-0]=z&a[7]=w", "{a:{07:x, 7:y,-0:z,#7:w}}" }, /* a + is a space in a query */
        { "a[%2B7]=x&a[1e3]=y&a[1.0]=z&a[]=w", "{a:{+7:x,1e3:y,1.0:z,#0:w}}" },
        { "a[99999999999999999999]=x&a[]=y", "{a:{99999999999999999999:x,#0:y}}" },
        { "a[][]=x&a[][]=y", "{a:{#0:{#0:x},#1:{#0:y}}}" },
        { "a[+]=x&a[%09]=y", "{a:{#0:x,#1:y}}" }, /* one white space before the ] */
        { "a[++]=x&a[+b]=y", "{a:{  :x, b:y}}" },
        /* the last one wins, at the place of the first */
        { "a=1&b=2&a=3", "{a:3,b:2}" },
        { "a[b]=1&c=2&a[b]=3", "{a:{b:3},c:2}" },
        { "a=1&a[b]=2", "{a:{b:2}}" },
        { "a[b]=1&a=2", "{a:2}" },
        { "a[b]=1&a[b][c]=2", "{a:{b:{c:2}}}" },
        { "a[b][c]=1&a[b]=2&a[b][]=3", "{a:{b:{#0:3}}}" },
        { "a[]=1&a[0]=2", "{a:{#0:2}}" },
        /* what is malformed */
        { "a[b]c=1", "{a:{b:1}}" },
        { "a[b]]=1", "{a:{b:1}}" },
        { "a[b]c[d]=1", "{a:{b:1}}" },
        { "a[b][c=1", "{a:{b:1}}" },
        { "a[b=1", "{a_b:1}" },
        { "a[b.c d[e=1", "{a_b_c_d_e:1}" },
        { "a[=1", "{a_:1}" },
        { "a]=1", "{a]:1}" },
        { "a[[b]]=1", "{a:{[b:1}}" },
        { "a[b[c]]=1", "{a:{b[c:1}}" },
        { "[b]=1&=1&[=1&[]=2&a=1", "{a:1}" },
        { "+++=1", "{}" },
        { "++a[b]=1", "{a:{b:1}}" },
        { "a.b=1&c+d=2&e.f[g.h+i]=3", "{a_b:1,c_d:2,e_f:{g.h i:3}}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT(10000);
        show(parse(cases[i].query), &out);
        if (strcmp(buf_cstr(&out), cases[i].expected) != 0) fail_msg("%s: %s", cases[i].query, buf_cstr(&out));
        buf_free(&out);
    }
}

static void a_name_has_64_brackets_at_most(void **state)
{
    (void)state;
    for (int depth = 63; depth <= 66; depth++) {
        char query[400] = "b=2&a";
        for (int i = 0; i < depth; i++) strcat(query, "[x]");
        strcat(query, "=1");
        const struct passbolt_value *root = parse(query), *value = passbolt_query_find(root, "a");
        assert_string_equal(passbolt_query_find(root, "b")->text, "2");
        assert_int_equal(value != NULL, depth <= PASSBOLT_QUERY_DEPTH_MAX);
        for (int i = 0; value && i < depth; i++) value = passbolt_query_find(value, "x");
        if (depth <= PASSBOLT_QUERY_DEPTH_MAX) assert_string_equal(value->text, "1");
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    const struct passbolt_value *root = parse("a=1&b[c]=2");
    assert_null(passbolt_query_find(root, "c"));
    assert_null(passbolt_query_find(root, ""));
    assert_null(passbolt_query_find(passbolt_query_find(root, "a"), "c"));
    assert_null(passbolt_query_find(passbolt_query_find(root, "x"), "c"));
    assert_string_equal(passbolt_query_find(passbolt_query_find(root, "b"), "c")->text, "2");
}

/* --- contain --- */

enum {
    MEMBER_USERS = CONTAIN_MEMBERS | CONTAIN_MEMBER_USERS,
    MEMBER_PROFILES = MEMBER_USERS | CONTAIN_MEMBER_PROFILES,
    MEMBER_KEYS = MEMBER_USERS | CONTAIN_MEMBER_KEYS,
    MEMBERS_OF_VIEW_2 = MEMBER_PROFILES | MEMBER_KEYS,
};

static struct passbolt_group_options read_options(enum passbolt_profile profile, enum passbolt_place place, const char *query)
{
    struct passbolt_group_options options;
    failure_clear(&op.failure);
    if (passbolt_read_group_options(&op, profile, place, parse(query), &options)) fail_msg("%s: %s", query, op.failure.text);
    return options;
}

static void each_option_adds_what_it_names_where_it_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned list_5, list_2, view_2; /* a view of profile 5 is as its list */
    } cases[] = {
        { "modifier", CONTAIN_MODIFIER, CONTAIN_MODIFIER, CONTAIN_MODIFIER },
        { "modifier.profile", CONTAIN_MODIFIER | CONTAIN_MODIFIER_PROFILE, CONTAIN_MODIFIER | CONTAIN_MODIFIER_PROFILE,
          CONTAIN_MODIFIER | CONTAIN_MODIFIER_PROFILE },
        { "my_group_user", CONTAIN_MY_GROUP_USER, CONTAIN_MY_GROUP_USER, CONTAIN_MY_GROUP_USER },
        { "user", CONTAIN_USERS, CONTAIN_USERS, CONTAIN_USERS },
        { "users", CONTAIN_USERS, 0, 0 },
        { "group_user", CONTAIN_MEMBERS, CONTAIN_MEMBERS, 0 },
        { "groups_users", CONTAIN_MEMBERS, 0, 0 },
        { "group_user.user", MEMBER_USERS, 0, 0 },
        { "groups_users.user", MEMBER_USERS, 0, 0 },
        { "group_user.user.profile", MEMBER_PROFILES, 0, 0 },
        { "groups_users.user.profile", MEMBER_PROFILES, 0, 0 },
        { "group_user.user.gpgkey", MEMBER_KEYS, 0, 0 },
        { "groups_users.user.gpgkey", MEMBER_KEYS, 0, 0 },
        { "user_count", 0, 0, 0 },
        { "groups_users.user.role", 0, 0, 0 },
        { "Modifier", 0, 0, 0 },
        { "modifier.profile.avatar", 0, 0, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char query[100];
        snprintf(query, sizeof query, "contain[%s]=1", cases[i].name);
        assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_LIST, query).contain, cases[i].list_5);
        assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_VIEW, query).contain, cases[i].list_5);
        assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_LIST, query).contain, cases[i].list_2);
        assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_VIEW, query).contain, cases[i].view_2 | MEMBERS_OF_VIEW_2);
    }
}

static void a_creation_answers_with_members_and_knows_one_option_in_profile_5(void **state)
{
    (void)state;
    static const char all[] = "contain[my_group_user]=1&contain[users]=1&contain[modifier]=1";
    assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_CREATE, "").contain, CONTAIN_MEMBERS);
    assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_CREATE, all).contain, CONTAIN_MEMBERS | CONTAIN_MY_GROUP_USER);
    assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_CREATE, all).contain, CONTAIN_MEMBERS);
    assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_CREATE, "contain=x").contain, CONTAIN_MEMBERS);
}

static void a_value_of_0_counts_for_some_options_and_for_all_in_profile_2(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned contain_5;
    } cases[] = {
        { "=1", CONTAIN_MODIFIER | CONTAIN_MY_GROUP_USER | CONTAIN_USERS },
        { "=true", CONTAIN_MODIFIER | CONTAIN_MY_GROUP_USER | CONTAIN_USERS },
        { "=TRUE", CONTAIN_MODIFIER | CONTAIN_MY_GROUP_USER | CONTAIN_USERS },
        { "=0", CONTAIN_MODIFIER | CONTAIN_MY_GROUP_USER },
        { "=False", CONTAIN_MODIFIER | CONTAIN_MY_GROUP_USER },
        { "[x]=1", CONTAIN_MODIFIER | CONTAIN_MY_GROUP_USER }, /* an array is false */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char query[200];
        snprintf(query, sizeof query, "contain[modifier]%s&contain[my_group_user]%s&contain[user]%s", cases[i].value,
                 cases[i].value, cases[i].value);
        assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_LIST, query).contain, cases[i].contain_5);
        assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_LIST, query).contain,
                         CONTAIN_MODIFIER | CONTAIN_MY_GROUP_USER | CONTAIN_USERS);
    }
    assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_LIST, "contain[user]=1&contain[users]=0").contain, CONTAIN_USERS);
    assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_LIST, "contain[user]=1&contain[user]=0").contain, 0);
}

/* --- filters --- */

static void assert_users(const struct uuid *ids, size_t count, const char *expected)
{
    char text[200] = "";
    for (size_t i = 0; i < count; i++) {
        uuid_format(text + strlen(text), &ids[i]);
        if (i + 1 < count) strcat(text, ",");
    }
    assert_string_equal(text, expected);
}

static void filters_are_lists_of_users_in_any_form(void **state)
{
    (void)state;
    static const struct {
        const char *query, *users, *managers;
    } cases[] = {
        { "", "", "" },
        { "filter[has-users]=" ADA, ADA, "" },
        { "filter[has-users]=" ADA "," BETTY, ADA "," BETTY, "" },
        { "filter[has-users]=" ADA "%2C" BETTY, ADA "," BETTY, "" },
        { "filter[has-users][]=" ADA "&filter[has-users][]=" BETTY, ADA "," BETTY, "" },
        { "filter[has-users][2]=" ADA, ADA, "" },
        { "filter[has-users]=98C2BEF5-CD5F-59E7-A1A7-0107C9A7CF08", ADA, "" },
        { "filter[has-users]=" ADA "&filter[has-users]=" BETTY, BETTY, "" },
        { "filter[has-managers]=" ADA, "", ADA },
        { "filter[has-manager]=" ADA, "", ADA }, /* as the original's documentation spells it */
        { "filter[has-manager][]=" ADA "&filter[has-managers]=" BETTY "&filter[has-users]=" ADA, ADA, ADA "," BETTY },
        { "filter[has_users]=x&filter[is-active]=maybe&filter[search]=a&filter[has-user]=x", "", "" },
        { "filter[has-users]=00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000", "" },
        { "filter%5Bhas-users%5D%5B%5D=" ADA, ADA, "" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int profile = PASSBOLT_2; profile <= PASSBOLT_5; profile += PASSBOLT_5 - PASSBOLT_2) {
            struct passbolt_group_options options = read_options((enum passbolt_profile)profile, PASSBOLT_LIST, cases[i].query);
            assert_users(options.has_users, options.has_user_count, cases[i].users);
            assert_users(options.has_managers, options.has_manager_count, cases[i].managers);
        }
    }
}

/* --- order --- */

static void order_is_known_in_profile_2(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum passbolt_order order;
    } cases[] = {
        { "", PASSBOLT_ORDER_NONE },
        { "order[]=Group.name", PASSBOLT_ORDER_NAME },
        { "order=Group.name", PASSBOLT_ORDER_NAME },
        { "order[]=Group.name+ASC", PASSBOLT_ORDER_NAME },
        { "order[]=Group.name+DESC", PASSBOLT_ORDER_NAME_DESCENDING },
        { "order[]=Group.name%20DESC", PASSBOLT_ORDER_NAME_DESCENDING },
        { "order=Group.name,Group.name+DESC", PASSBOLT_ORDER_NAME_DESCENDING },
        { "order[]=Group.name+DESC&order[]=Group.name", PASSBOLT_ORDER_NAME },
        { "order[x]=nonsense", PASSBOLT_ORDER_NONE },
        { "order[Group.name]=Group.name+DESC", PASSBOLT_ORDER_NAME_DESCENDING },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_LIST, cases[i].query).order, cases[i].order);
        assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_LIST, cases[i].query).order, PASSBOLT_ORDER_NONE);
        assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_VIEW, cases[i].query).order, PASSBOLT_ORDER_NONE);
    }
    assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_LIST, "order[]=nonsense").order, PASSBOLT_ORDER_NONE);
}

/* --- errors --- */

static void assert_refused(enum passbolt_profile profile, const char *query, const char *field, const char *text)
{
    struct passbolt_group_options options;
    failure_clear(&op.failure);
    if (passbolt_read_group_options(&op, profile, PASSBOLT_LIST, parse(query), &options) != ERR_INVALID)
        fail_msg("%s is accepted", query);
    assert_string_equal(op.failure.text, text);
    assert_string_equal(op.failure.field, field);
}

static void errors_have_the_texts_of_the_original(void **state)
{
    (void)state;
    static const struct {
        const char *query, *field, *p5, *p2; /* NULL: accepted */
    } cases[] = {
        { "filter[has-users]=x", "filter", "Invalid filter. \"x\" is not a valid user id for filter has-users.",
          "Invalid filter. \"x\" is not a valid user id for filter has-users." },
        { "filter[has-managers]=" ADA ",y", "filter", "Invalid filter. \"y\" is not a valid user id for filter has-managers.",
          "Invalid filter. \"y\" is not a valid user id for filter has-managers." },
        { "filter[has-manager]=x", "filter", "Invalid filter. \"x\" is not a valid user id for filter has-manager.",
          "Invalid filter. \"x\" is not a valid user id for filter has-manager." },
        { "filter[has-users]=018f4e9c-1111-7abc-8def-000000000000", "filter",
          "Invalid filter. \"018f4e9c-1111-7abc-8def-000000000000\" is not a valid user id for filter has-users.",
          "Invalid filter. \"018f4e9c-1111-7abc-8def-000000000000\" is not a valid user id for filter has-users." },
        { "filter[has-users]=+" ADA, "filter", "Invalid filter. \" " ADA "\" is not a valid user id for filter has-users.",
          "Invalid filter. \" " ADA "\" is not a valid user id for filter has-users." },
        { "filter[has-users]=", "filter", "Invalid filter. \"0\" is not a valid user filter.",
          "Invalid filter. \"0\" is not a valid user filter." },
        { "filter[has-users]=0", "filter", "Invalid filter. \"0\" is not a valid user filter.",
          "Invalid filter. \"0\" is not a valid user filter." },
        { "filter[has-users]=" ADA ",", "filter", "Invalid filter. \"1\" is not a valid user filter.",
          "Invalid filter. \"1\" is not a valid user filter." },
        { "filter[has-users][5]=", "filter", "Invalid filter. \"5\" is not a valid user filter.",
          "Invalid filter. \"5\" is not a valid user filter." },
        { "filter[has-users][a]=" ADA, "filter", "Invalid filter. \"a\" is not a valid user filter.",
          "Invalid filter. \"a\" is not a valid user filter." },
        { "filter[has-users][0][]=" ADA, "filter", "Invalid filter. \"0\" is not a valid user filter.",
          "Invalid filter. \"0\" is not a valid user filter." },
        { "filter[]=x", "filter", "Invalid filter. No validation rule for filter 0. Please create one.",
          "Invalid filter. No validation rule for filter 0. Please create one." },
        { "filter=a,b", "filter", "Invalid filter. No validation rule for filter 0. Please create one.",
          "Invalid filter. No validation rule for filter 0. Please create one." },
        { "filter=x", "filter", "Invalid query string. The filter parameter should be an array.",
          "Invalid query string. Filter should be an array." },
        { "filter=", "filter", "Invalid query string. The filter parameter should be an array.",
          "Invalid query string. Filter should be an array." },
        { "filter=,x", "filter", "Invalid query string. The filter parameter should be an array.",
          "Invalid query string. Filter should be an array." },
        { "filter=%5B%5D", "filter", NULL, "Invalid query string. Filter should be an array." },
        { "contain=user", "contain", "Invalid query string. The contain parameter should be an array.",
          "Invalid query string. Contain should be an array." },
        { "contain=user,group_user", "contain", "Invalid query string. The contain parameter should be an array.",
          "Invalid contain. \"user\" is not a valid contain value." },
        { "contain=1,0,x", "contain", "Invalid query string. The contain parameter should be an array.",
          "Invalid contain. \"x\" is not a valid contain value." },
        { "contain[user]=2", "contain", "Invalid contain. \"2\" is not a valid contain value.",
          "Invalid contain. \"2\" is not a valid contain value." },
        { "contain[user]=", "contain", "Invalid contain. \"\" is not a valid contain value.",
          "Invalid contain. \"\" is not a valid contain value." },
        { "contain[modifier]=yes", "contain", "Invalid contain. \"yes\" is not a valid contain value.",
          "Invalid contain. \"yes\" is not a valid contain value." },
        { "contain[]=user", "contain", "Invalid contain. \"user\" is not a valid contain value.",
          "Invalid contain. \"user\" is not a valid contain value." },
        { "contain[]=1", "contain", NULL, NULL },
        { "contain[nonsense]=user", "contain", NULL, NULL },
        { "contain[users]=x", "contain", "Invalid contain. \"x\" is not a valid contain value.", NULL },
        { "order[]=name", "order", NULL, "Invalid order. \"name\" is not a valid order." },
        { "order[]=", "order", NULL, "Invalid order. \"\" is not a valid order." },
        { "order[]=Group.name+desc", "order", NULL, "Invalid order. \"Group.name desc\" is not a valid order." },
        { "order[]=Group.name++ASC", "order", NULL, "Invalid order. \"Group.name  ASC\" is not a valid order." },
        { "order[]=Group.Name", "order", NULL, "Invalid order. \"Group.Name\" is not a valid order." },
        { "order[]=.name", "order", NULL, "Invalid order. \".name\" is not a valid order." },
        { "order[]=Group.", "order", NULL, "Invalid order. \"Group.\" is not a valid order." },
        { "order[][]=Group.name", "order", NULL, "Invalid order. \"Array\" is not a valid order." },
        { "order[]=Group.created", "order", NULL, "Invalid order. \"Group.created\" is not in the list of allowed order." },
        { "order[]=Group.names+DESC", "order", NULL, "Invalid order. \"Group.names DESC\" is not in the list of allowed order." },
        { "order[]=Groups.name", "order", NULL, "Invalid order. \"Groups.name\" is not in the list of allowed order." },
        { "order=Group.name,x", "order", NULL, "Invalid order. \"x\" is not a valid order." },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (cases[i].p5) assert_refused(PASSBOLT_5, cases[i].query, cases[i].field, cases[i].p5);
        else read_options(PASSBOLT_5, PASSBOLT_LIST, cases[i].query);
        if (cases[i].p2) assert_refused(PASSBOLT_2, cases[i].query, cases[i].field, cases[i].p2);
        else read_options(PASSBOLT_2, PASSBOLT_LIST, cases[i].query);
    }
}

static void the_first_error_of_the_query_is_told_but_kinds_come_first(void **state)
{
    (void)state;
    static const struct {
        const char *query, *field;
    } cases[] = {
        { "contain[user]=x&filter[has-users]=x", "contain" }, { "filter[has-users]=x&contain[user]=x", "filter" },
        { "order[]=x&filter[has-users]=x", "order" },         { "order[]=x&filter=x", "filter" },
        { "order[]=x&contain=x&filter=x", "filter" },         { "filter[has-users]=x&contain=x", "contain" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct passbolt_group_options options;
        failure_clear(&op.failure);
        enum err e = passbolt_read_group_options(&op, PASSBOLT_2, PASSBOLT_LIST, parse(cases[i].query), &options);
        assert_int_equal(e, ERR_INVALID);
        assert_string_equal(op.failure.field, cases[i].field);
    }
}

static void a_view_has_no_filter_and_no_order(void **state)
{
    (void)state;
    static const char query[] = "filter=x&order[]=x";
    assert_int_equal(read_options(PASSBOLT_5, PASSBOLT_VIEW, query).has_user_count, 0);
    assert_int_equal(read_options(PASSBOLT_2, PASSBOLT_VIEW, query).order, PASSBOLT_ORDER_NONE);
}

/* --- requests that were seen --- */

static void requests_of_known_clients_are_understood(void **state)
{
    (void)state;
    /* the original page's own */
    struct passbolt_group_options options =
        read_options(PASSBOLT_2, PASSBOLT_LIST, "api-version=v2&contain[user]=1&order[]=Group.name+ASC");
    assert_int_equal(options.contain, CONTAIN_USERS);
    assert_int_equal(options.order, PASSBOLT_ORDER_NAME);
    /* a Go client: booleans as words, and a filter that never was one */
    options = read_options(PASSBOLT_5, PASSBOLT_LIST,
                           "contain%5Bgroups_users.user.profile%5D=true&contain%5Bmy_group_user%5D=true&contain%5Busers%5D=true&"
                           "contain%5Bmodifier%5D=false&filter%5Bhas_users%5D=" ADA);
    assert_int_equal(options.contain, MEMBER_PROFILES | CONTAIN_MY_GROUP_USER | CONTAIN_USERS | CONTAIN_MODIFIER);
    assert_int_equal(options.has_user_count, 0);
    /* a browser extension */
    options = read_options(PASSBOLT_5, PASSBOLT_LIST, "api-version=v2&contain[group_user]=1&contain[my_group_user]=1");
    assert_int_equal(options.contain, CONTAIN_MEMBERS | CONTAIN_MY_GROUP_USER);
}

/* --- others --- */

static void other_objects_have_options_of_their_own(void **state)
{
    (void)state;
    static const struct passbolt_contain_row rows[] = {
        { "role", 1, PASSBOLT_LIST | PASSBOLT_VIEW, PASSBOLT_LIST, false },
        { "profile", 2, PASSBOLT_LIST, PASSBOLT_LIST, false },
        { 0 },
    };
    unsigned bits;
    const struct passbolt_value *query = parse("contain[role]=1&contain[profile]=0&contain[user]=x");
    assert_int_equal(passbolt_read_contain(&op, PASSBOLT_5, PASSBOLT_LIST, rows, query, &bits), ERR_OK);
    assert_int_equal(bits, 1);
    assert_int_equal(passbolt_read_contain(&op, PASSBOLT_2, PASSBOLT_LIST, rows, query, &bits), ERR_OK);
    assert_int_equal(bits, 3);
    assert_int_equal(passbolt_read_contain(&op, PASSBOLT_2, PASSBOLT_VIEW, rows, query, &bits), ERR_OK);
    assert_int_equal(bits, 0);
    assert_int_equal(passbolt_read_contain(&op, PASSBOLT_5, PASSBOLT_LIST, rows, parse(""), &bits), ERR_OK);
    assert_int_equal(bits, 0);
    assert_int_equal(passbolt_read_contain(&op, PASSBOLT_5, PASSBOLT_LIST, rows, parse("contain=1"), &bits), ERR_INVALID);
}

static void version_1_of_the_api_is_refused_and_anything_else_is_version_2(void **state)
{
    (void)state;
    static const char *const accepted[] = { "",
                                            "api-version=v2",
                                            "api-version=2",
                                            "api-version=nonsense",
                                            "api-version=",
                                            "api-version[]=v1",
                                            "api-version=V1",
                                            "contain[api-version]=v1" };
    static const char *const refused[] = { "api-version=v1", "api-version=1", "api-version=v2&api-version=v1" };
    for (size_t i = 0; i < COUNT_OF(accepted); i++) assert_int_equal(passbolt_check_api_version(&op, parse(accepted[i])), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        failure_clear(&op.failure);
        assert_int_equal(passbolt_check_api_version(&op, parse(refused[i])), ERR_INVALID);
        assert_string_equal(op.failure.text, "API v1 support is deprecated in this version.");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        passbolt_test(names_are_read_as_php_reads_them),
        passbolt_test(a_name_has_64_brackets_at_most),
        passbolt_test(what_is_not_there_is_not_found),
        passbolt_test(each_option_adds_what_it_names_where_it_is_known),
        passbolt_test(a_creation_answers_with_members_and_knows_one_option_in_profile_5),
        passbolt_test(a_value_of_0_counts_for_some_options_and_for_all_in_profile_2),
        passbolt_test(filters_are_lists_of_users_in_any_form),
        passbolt_test(order_is_known_in_profile_2),
        passbolt_test(errors_have_the_texts_of_the_original),
        passbolt_test(the_first_error_of_the_query_is_told_but_kinds_come_first),
        passbolt_test(a_view_has_no_filter_and_no_order),
        passbolt_test(requests_of_known_clients_are_understood),
        passbolt_test(other_objects_have_options_of_their_own),
        passbolt_test(version_1_of_the_api_is_refused_and_anything_else_is_version_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
