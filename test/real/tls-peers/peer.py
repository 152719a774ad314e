"""A TLS peer of Python's ssl for captures; the usage is peer.go's. It refuses to load a key that is not the certificate's."""

import socket
import ssl
import sys

role, port, version, directory, key_log, *names = sys.argv[1:]
versions = {"2": ssl.TLSVersion.TLSv1_2, "3": ssl.TLSVersion.TLSv1_3}


def context_for(protocol):
    context = ssl.SSLContext(protocol)
    context.minimum_version = context.maximum_version = versions[version]
    context.keylog_filename = key_log
    return context


def serve():
    context = context_for(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/server.crt", f"{directory}/server.key")
    context.load_verify_locations(f"{directory}/ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", int(port)))
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(5)
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(100)
                tls.sendall(b"bye")
        except OSError:
            connection.close()


def connect(name):
    context = context_for(ssl.PROTOCOL_TLS_CLIENT)
    if name != "distrust":
        context.load_verify_locations(f"{directory}/ca.crt")
    if name not in ("none", "distrust"):
        context.load_cert_chain(f"{directory}/{name}.crt", f"{directory}/{name}.key")
    try:
        with socket.create_connection(("127.0.0.1", int(port)), 5) as connection:
            with context.wrap_socket(connection, server_hostname="localhost") as tls:
                tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
                while tls.recv(100):
                    pass
    except OSError:
        pass


if role == "server":
    serve()
for each in names:
    connect(each)
