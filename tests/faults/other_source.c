// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026, kvm.entropy contributors
// A hardware source that is not virtio-rng, for guests of the lab alone: what it delivers are time stamps, of next to no quality.
#include <linux/hw_random.h>
#include <linux/module.h>
#include <linux/timex.h>

static int other_source_read(struct hwrng *rng, void *data, size_t max, bool wait)
{
	cycles_t now = get_cycles();
	size_t size = min(max, sizeof(now));

	memcpy(data, &now, size);
	return size;
}

static struct hwrng other_source = {
	.name = "other-source",
	.read = other_source_read,
	.quality = 1,
};

static int __init other_source_init(void)
{
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
