// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026, kvm.entropy contributors
// A hardware source that is not virtio-rng, for guests of the lab alone: what it delivers are time stamps, of next to no quality. Its parameters make it
// look like another driver's, and fail.
#include <linux/hw_random.h>
#include <linux/module.h>
#include <linux/timex.h>

static char *name = "other-source";
module_param(name, charp, 0);
static ushort quality = 1;
module_param(quality, ushort, 0);
static bool fails;
module_param(fails, bool, 0644);

static int other_source_read(struct hwrng *rng, void *data, size_t max, bool wait)
{
	cycles_t now = get_cycles();
	size_t size = min(max, sizeof(now));

	if (fails)
		return -EIO;
	memcpy(data, &now, size);
	return size;
}

static struct hwrng other_source = {
	.read = other_source_read,
};

static int __init other_source_init(void)
{
	other_source.name = name;
	other_source.quality = quality;
	return hwrng_register(&other_source);
}

static void __exit other_source_exit(void)
{
	hwrng_unregister(&other_source);
}

module_init(other_source_init);
module_exit(other_source_exit);
MODULE_DESCRIPTION("A second hardware source for tests");
MODULE_LICENSE("GPL");
