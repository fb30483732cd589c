import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;

/** The HTTP and WebSocket client of Java's library with its defaults: it offers HTTP/2 with each request. */
public class Client {
  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    if (args[0].equals("http")) http(client, args[1]);
    else socket(client, args);
    System.exit(0);
  }

  static void http(HttpClient client, String url) throws Exception {
    byte[] upload = System.in.readAllBytes();
    HttpRequest page = HttpRequest.newBuilder(URI.create(url + "/hello.txt")).build();
    HttpRequest post = HttpRequest.newBuilder(URI.create(url + "/upload")).POST(BodyPublishers.ofByteArray(upload)).build();
    for (HttpRequest request : upload.length == 0 ? new HttpRequest[] {page, page} : new HttpRequest[] {page, post, page})
      System.out.println(client.send(request, BodyHandlers.ofString()).body().stripTrailing());
  }

  static void socket(HttpClient client, String[] args) throws Exception {
    int count = args.length - 2;
    CountDownLatch all = new CountDownLatch(count);
    WebSocket socket = client.newWebSocketBuilder().buildAsync(URI.create(args[1]), new WebSocket.Listener() {
      private final StringBuilder text = new StringBuilder();

      @Override
      public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
          System.out.println(text);
          text.setLength(0);
          all.countDown();
        }
        from.request(1);
        return null;
      }
    }).join();
    for (int i = 0; i < count; i++) socket.sendText(args[2 + i], true).join();
    all.await();
    socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
  }
}
