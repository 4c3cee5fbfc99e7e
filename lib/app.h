/* app.h: what every main() calls. Signals, stdio sanity, common options, report, exit code.
 *
 *     int main(int argc, char **argv)
 *     {
 *         static struct conf conf;
 *         return app_run(&self, &conf, argc, argv, run);
 *     }
 *
 * app_run parses, answers --help/--version/--dump-options, chooses the ISA, installs handlers, calls
 * run(), writes --report and --metrics (whatever the outcome), prints the summary and turns the
 * result into the exit code. A signal that stopped the run is re-raised, so the caller sees 128+n.
 */
#ifndef APP_H
#define APP_H

#include "flow.h"
#include "opt.h"
#include "progress.h"
#include "report.h"

struct app {
    const struct command *command;
    const char *name;          /* as invoked */
    struct opt_common common;  /* resolved: jobs >= 1 */
    struct opt_result options; /* operands, mode, opt_given */
    struct report report;
    struct progress progress;
    struct arena arena; /* process lifetime */
};

typedef bool app_run_fn(struct app *app, void *conf, struct err *err);

int app_run(const struct command *command, void *conf, int argc, char **argv, app_run_fn *run);

/* A flow_conf from the common options and operands: the tool adds fields, rules and what differs. */
struct flow_conf app_flow_conf(struct app *app);
/* True when the own option was given. */
bool app_given(const struct app *app, const char *long_name);
/* `demo` -> the installed demo file: <exe>/../share/millrace/NAME, then DATADIR/NAME; else `text`
 * itself. NULL with ERR_NOINPUT when the demo data is nowhere. */
const char *app_data_path(struct app *app, const char *text, const char *demo_name,
                          struct err *err);
extern const char app_version[]; /* "0.1.0" */

#endif
