import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import javax.net.ssl.*;

/** A TLS peer of the JVM's JSSE for captures; the usage is peer.go's, save that JSSE writes no key log. */
public class Peer {
  static String version;
  static Path directory;

  public static void main(String[] args) throws Exception {
    version = "TLSv1." + args[2];
    directory = Path.of(args[3]);
    int port = Integer.parseInt(args[1]);
    if (args[0].equals("server")) serve(port);
    for (String name : Arrays.copyOfRange(args, 5, args.length)) connect(port, name);
  }

  static void serve(int port) throws Exception {
    SSLContext context = context(new Always("server", "server"), true);
    SSLServerSocket listener =
        (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 16, InetAddress.getLoopbackAddress());
    listener.setNeedClientAuth(true);
    listener.setEnabledProtocols(new String[] {version});
    System.out.println("ready");
    while (true) {
      try (SSLSocket socket = (SSLSocket) listener.accept()) {
        socket.setSoTimeout(5000);
        socket.getInputStream().read(new byte[100]);
        socket.getOutputStream().write("bye".getBytes());
      } catch (Exception refused) {
        // What came of it is in the capture.
      }
    }
  }

  static void connect(int port, String name) throws Exception {
    boolean isNone = name.equals("none") || name.equals("distrust");
    Always own = isNone ? null : name.equals("wrongKey") ? new Always("plugin", "foreign") : new Always(name, name);
    SSLContext context = context(own, !name.equals("distrust"));
    try (Socket plain = new Socket("127.0.0.1", port);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, "localhost", port, true)) {
      socket.setSoTimeout(5000);
      socket.setEnabledProtocols(new String[] {version});
      socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
      InputStream input = socket.getInputStream();
      while (input.read(new byte[100]) >= 0) {}
    } catch (Exception refused) {
      // What came of it is in the capture.
    }
  }

  static SSLContext context(Always own, boolean trusts) throws Exception {
    KeyStore anchors = KeyStore.getInstance(KeyStore.getDefaultType());
    anchors.load(null, null);
    int count = 0;
    for (Certificate each : certificates(trusts ? "ca" : "other-ca")) anchors.setCertificateEntry("ca" + count++, each);
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(anchors);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(own == null ? null : new KeyManager[] {own}, trust.getTrustManagers(), null);
    return context;
  }

  static Collection<? extends Certificate> certificates(String name) throws Exception {
    byte[] pem = Files.readAllBytes(directory.resolve(name + ".crt"));
    return CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem));
  }

  /** Presents one certificate whatever the server asks for, and whether or not the key belongs to it. */
  static class Always extends X509ExtendedKeyManager {
    final X509Certificate[] chain;
    final PrivateKey key;

    Always(String certificate, String keyName) throws Exception {
      chain = certificates(certificate).toArray(new X509Certificate[0]);
      String pem = Files.readString(directory.resolve(keyName + ".key"));
      byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
      key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) { return "own"; }
    public String chooseServerAlias(String type, Principal[] issuers, Socket socket) { return type.startsWith("EC") ? "own" : null; }
    public String[] getClientAliases(String type, Principal[] issuers) { return new String[] {"own"}; }
    public String[] getServerAliases(String type, Principal[] issuers) { return new String[] {"own"}; }
    public X509Certificate[] getCertificateChain(String alias) { return chain; }
    public PrivateKey getPrivateKey(String alias) { return key; }
  }
}
