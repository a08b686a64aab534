# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate authority of one lab, so that its daemon can be reached over TLS as another machine's is."""

from lab import place, shell

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")


def settings(folder, port):
    """Make the keys in ``folder``, for libvirt's ``pkipath``; return the lines (str) of libvirtd.conf that listen on 127.0.0.1:``port``."""
    folder.mkdir()
    shell.run("openssl", "req", "-x509", *_KEY, "-keyout", folder / "cakey.pem", "-out", folder / "cacert.pem", "-subj", "/CN=lab")
    for name in ("server", "client"):
        shell.run("openssl", "req", "-x509", "-CA", folder / "cacert.pem", "-CAkey", folder / "cakey.pem", *_KEY, "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                  "-keyout", folder / f"{name}key.pem", "-out", folder / f"{name}cert.pem")
    for file in folder.iterdir():
        place.give(file)
    return (f'listen_tls = 1\nlisten_addr = "127.0.0.1"\ntls_port = "{port}"\n'
            f'key_file = "{folder}/serverkey.pem"\ncert_file = "{folder}/servercert.pem"\nca_file = "{folder}/cacert.pem"\n')
