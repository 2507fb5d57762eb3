/* check.c — what rows refer to. Pages are PostgreSQL's own business (data checksums, pg_amcheck). */
#include "store/postgres/store.h"

/* Each row: what is counted, how it is told. */
// clang-format off
static const struct { const char *sql, *what; } references[] = {
    { "SELECT count(*) FROM app_user x WHERE NOT EXISTS (SELECT 1 FROM organization y WHERE y.id = x.organization_id AND y.deleted_at IS NULL)",
      "users of a missing organization" },
    { "SELECT count(*) FROM user_group x WHERE NOT EXISTS (SELECT 1 FROM organization y WHERE y.id = x.organization_id AND y.deleted_at IS NULL)",
      "groups of a missing organization" },
    { "SELECT count(*) FROM credential x WHERE NOT EXISTS (SELECT 1 FROM organization y WHERE y.id = x.organization_id AND y.deleted_at IS NULL)",
      "credentials of a missing organization" },
    { "SELECT count(*) FROM credential x WHERE user_id IS NOT NULL AND NOT EXISTS"
      " (SELECT 1 FROM app_user y WHERE y.organization_id = x.organization_id AND y.id = x.user_id)",
      "credentials of a missing user" },
    { "SELECT count(*) FROM membership x WHERE NOT EXISTS"
      " (SELECT 1 FROM user_group y WHERE y.organization_id = x.organization_id AND y.id = x.group_id)",
      "memberships in a missing group" },
    { "SELECT count(*) FROM membership x WHERE NOT EXISTS"
      " (SELECT 1 FROM app_user y WHERE y.organization_id = x.organization_id AND y.id = x.user_id)",
      "memberships of a missing user" },
    { "SELECT count(*) FROM group_nesting x WHERE NOT EXISTS"
      " (SELECT 1 FROM user_group y WHERE y.organization_id = x.organization_id AND y.id = x.group_id)",
      "nestings in a missing group" },
    { "SELECT count(*) FROM group_nesting x WHERE NOT EXISTS"
      " (SELECT 1 FROM user_group y WHERE y.organization_id = x.organization_id AND y.id = x.child_group_id)",
      "nestings of a missing group" },
    { "SELECT count(*) FROM group_grant x WHERE NOT EXISTS"
      " (SELECT 1 FROM user_group y WHERE y.organization_id = x.organization_id AND y.id = x.group_id)",
      "grants of a missing group" },
    { "SELECT count(*) FROM login x WHERE NOT EXISTS"
      " (SELECT 1 FROM app_user y WHERE y.organization_id = x.organization_id AND y.id = x.user_id)",
      "log-ins of a missing user" },
};
// clang-format on

enum err postgres_check(struct op *op, struct db *db, store_report_function report, void *context)
{
    postgres_of(db)->limit_ms = 0; /* these look at every row */
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        AUTO_QUERY q = db_query(db, references[i].sql);
        bool row;
        enum err e = query_step(op, &q, &row);
        if (e) return e;
        int64_t count = column_number(&q, 0);
        if (count) report(context, arena_printf(&op->arena, "%lld %s", (long long)count, references[i].what));
    }
    return ERR_OK;
}
