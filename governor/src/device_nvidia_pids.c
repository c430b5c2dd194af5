/*
 * Whose numbers are the driver's pids? A container has pids of its own. Older drivers name
 * processes by the machine's numbers wherever they are asked; newer ones translate, and leave out
 * what the container cannot see. Neither says which it does, and a number of the machine may by
 * chance be one of ours. So:
 *
 * - in the machine's first namespace the numbers are ours;
 * - where proc_path shows a namespace above ours (the host's /proc mounted into the container),
 *   NSpid in its PID/status says what a process is called further down, and the namespace's own
 *   identity whether that is ours: exact;
 * - else the numbers are believed only when each listed one exists here and one of those we
 *   ask about has been among them. Until then the use of our processes counts as unknown, which the
 *   admission takes by the leases instead; it never counts as zero.
 */
#include "device_nvidia.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

enum { TEXT_SIZE = 8192, MOST_LEVELS = 33 /* MAX_PID_NS_LEVEL is 32 */ };

/* PROC_PID_INIT_INO of the kernel (include/linux/proc_ns.h): the first namespace's number. */
static const char first_namespace[] = "pid:[4026531836]";

static bool read_namespace(const char *proc_path, const char *pid, char *text, size_t size)
{
    char path[NVIDIA_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s/ns/pid", proc_path, pid);
    ssize_t n = readlink(path, text, size - 1);
    text[MAX(n, 0)] = 0;
    return n > 0;
}

/* The pids of a process, the outermost namespace that proc_path shows first. */
static int read_levels(const char *proc_path, const char *pid, int64_t levels[MOST_LEVELS])
{
    char path[NVIDIA_PATH_MAX + 64], text[TEXT_SIZE];
    snprintf(path, sizeof path, "%s/%s/status", proc_path, pid);
    if (gov_read_text(path, text, sizeof text) <= 0)
        return 0;
    const char *p = strstr(text, "\nNSpid:");
    if (!p)
        return 0;
    p += strlen("\nNSpid:");
    int count = 0;
    while (count < MOST_LEVELS && gov_parse_i64(&p, &levels[count]))
        count++;
    return count;
}

int gov_nvidia_pids_init(struct gov_nvidia_pids *pids, const char *proc_path)
{
    if (!proc_path)
        proc_path = "/proc";
    if (strlen(proc_path) >= sizeof pids->proc_path)
        return GOV_E_INVALID;
    int64_t levels[MOST_LEVELS];
    memset(pids, 0, sizeof *pids);
    snprintf(pids->proc_path, sizeof pids->proc_path, "%s", proc_path);
    pids->own_level = MAX(read_levels(proc_path, "self", levels), 1);
    /* No namespaces in this kernel, or no /proc: there is but one numbering. */
    if (read_namespace(proc_path, "self", pids->own_namespace, sizeof pids->own_namespace))
        pids->foreign_possible = strcmp(pids->own_namespace, first_namespace) != 0;
    return GOV_OK;
}

int64_t gov_nvidia_pid_here(const struct gov_nvidia_pids *pids, int64_t pid)
{
    if (!pids->foreign_possible || pids->own_level == 1)
        return pid;
    char name[24], namespace[48];
    int64_t levels[MOST_LEVELS];
    snprintf(name, sizeof name, "%lld", (long long)pid);
    if (read_levels(pids->proc_path, name, levels) != pids->own_level)
        return 0;
    /* As deep as we are, but perhaps in the container next door. */
    if (!read_namespace(pids->proc_path, name, namespace, sizeof namespace) ||
        strcmp(namespace, pids->own_namespace) != 0)
        return 0;
    return levels[pids->own_level - 1];
}

bool gov_nvidia_pid_exists(const struct gov_nvidia_pids *pids, int64_t pid)
{
    char path[NVIDIA_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%lld", pids->proc_path, (long long)pid);
    return access(path, F_OK) == 0;
}

int64_t gov_nvidia_pid_parent(const struct gov_nvidia_pids *pids, int64_t pid)
{
    char path[NVIDIA_PATH_MAX + 64], text[TEXT_SIZE];
    int64_t parent;
    snprintf(path, sizeof path, "%s/%lld/status", pids->proc_path, (long long)pid);
    if (gov_read_text(path, text, sizeof text) <= 0 || !gov_find_i64(text, "PPid:", &parent))
        return 0;
    return parent;
}
