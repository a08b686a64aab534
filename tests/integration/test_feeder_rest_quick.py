# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder costs in a guest once the kernel is ready: its processor time and its memory."""

import feeder_quick
from lab import quick

_SCRIPT = """
load("virtio_pci", "virtio_rng")
feeder = Feeder("rest")
feeder.reaches(state="feeding", kernel_ready=True)
until(lambda: not feeder.is_reading())
start, reseeds, reader = used(feeder.process.pid), feeder.status()["reseeds"], feeder.readers()

def until_again():
    global again
    again = until(lambda: feeder.status()["reseeds"] > reseeds, 200)
    until(lambda: not feeder.is_reading())

rest = at_rest(feeder.process.pid, until_again)
tell("REST", again=again, start=start, rest=rest, stays=feeder.readers() == reader, ended=feeder.ends())
"""


@feeder_quick.thorough
def test_it_costs_next_to_nothing_at_rest_and_its_reader_stays():
    result = feeder_quick.run("trixie", _SCRIPT, device=quick.virtio_rng(), append="rng_core.default_quality=0", timeout=240)
    seen = result.json("REST ")
    rest = seen["rest"]
    print("at rest, one reseed included, under TCG: %.3f s in %.1f s, %.3f %% of a processor; to start it took %.2f s; peak memory %d KiB, now %d KiB" % (
        rest["cpu"], rest["seconds"], rest["percent"], seen["start"], rest["peak"], rest["memory"]))
    assert (seen["again"], seen["stays"], seen["ended"][0]) == (True, True, 0)
    assert rest["percent"] < feeder_quick.NO_LOAD
    assert rest["peak"] < 64 * 1024
