// The three parts of training that PyTorch 1.13 does slowly on a CPU, for x86 with AVX-512 or whatever -march=native gives:
// a depthwise convolution over time fused with layer normalisation (forward, backward), and the CTC loss with its gradient.
// Layout everywhere: [batch][time][channel]. Built by train.py: cc -O3 -march=native -ffast-math -shared -fPIC.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline uint16_t to_bf16(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}
static inline float from_bf16(uint16_t h) {
  uint32_t u = (uint32_t)h << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}

// y = conv(x)+bias over taps x[t-left .. t-left+K-1]; z = norm(y)*g+b as bf16. xhat and rstd are kept for backward.
void dwln_fwd(int B, int T, int C, int K, int left, const float *x, const float *w, const float *bias, const float *g,
              const float *b, uint16_t *z, uint16_t *xhat, float *rstd) {
  float y[1024];
  for (int n = 0; n < B; n++)
    for (int t = 0; t < T; t++) {
      memcpy(y, bias, sizeof(float) * C);
      for (int k = 0; k < K; k++) {
        int s = t - left + k;
        if (s < 0 || s >= T) continue;
        const float *xs = x + ((size_t)n * T + s) * C, *wk = w + (size_t)k * C;
        for (int c = 0; c < C; c++) y[c] += xs[c] * wk[c];
      }
      float m = 0, v = 0;
      for (int c = 0; c < C; c++) m += y[c];
      m /= C;
      for (int c = 0; c < C; c++) v += (y[c] - m) * (y[c] - m);
      float r = 1.0f / sqrtf(v / C + 1e-5f);
      size_t o = (size_t)n * T + t;
      rstd[o] = r;
      uint16_t *zo = z + o * C, *ho = xhat + o * C;
      for (int c = 0; c < C; c++) {
        float h = (y[c] - m) * r;
        ho[c] = to_bf16(h);
        zo[c] = to_bf16(h * g[c] + b[c]);
      }
    }
}

// dx, dw, dbias, dg, db are accumulated into (the caller zeroes them).
void dwln_bwd(int B, int T, int C, int K, int left, const float *x, const float *w, const float *g, const uint16_t *dz,
              const uint16_t *xhat, const float *rstd, float *dx, float *dw, float *dbias, float *dg, float *db) {
  float dy[1024];
  for (int n = 0; n < B; n++)
    for (int t = 0; t < T; t++) {
      size_t o = (size_t)n * T + t;
      const uint16_t *zo = dz + o * C, *ho = xhat + o * C;
      float s1 = 0, s2 = 0;
      for (int c = 0; c < C; c++) {
        float d = from_bf16(zo[c]), h = from_bf16(ho[c]);
        dg[c] += d * h;
        db[c] += d;
        float e = d * g[c];
        dy[c] = e;
        s1 += e;
        s2 += e * h;
      }
      s1 /= C;
      s2 /= C;
      float r = rstd[o];
      for (int c = 0; c < C; c++) {
        dy[c] = r * (dy[c] - s1 - from_bf16(ho[c]) * s2);
        dbias[c] += dy[c];
      }
      for (int k = 0; k < K; k++) {
        int s = t - left + k;
        if (s < 0 || s >= T) continue;
        size_t i = ((size_t)n * T + s) * C;
        const float *xs = x + i, *wk = w + (size_t)k * C;
        float *dxs = dx + i, *dwk = dw + (size_t)k * C;
        for (int c = 0; c < C; c++) {
          dxs[c] += wk[c] * dy[c];
          dwk[c] += xs[c] * dy[c];
        }
      }
    }
}

// CTC with blank 0 over logits [B][T][V]; grad gets d(sum of losses)/d(logits). loss[n] < 0 marks an impossible target.
void ctc(int B, int T, int V, const float *logits, const int32_t *targets, const int32_t *lens, int maxlen, float *loss,
         float *grad) {
  int S = 2 * maxlen + 1;
  double *al = malloc(sizeof(double) * (size_t)T * S), *be = malloc(sizeof(double) * 2 * S);
  double *sc = malloc(sizeof(double) * T);
  float *p = malloc(sizeof(float) * (size_t)T * V);
  int *lab = malloc(sizeof(int) * S);
  double *acc = malloc(sizeof(double) * V);
  for (int n = 0; n < B; n++) {
    const float *lg = logits + (size_t)n * T * V;
    float *gr = grad + (size_t)n * T * V;
    int L = lens[n], s = 2 * L + 1;
    for (int i = 0; i < s; i++) lab[i] = (i & 1) ? targets[(size_t)n * maxlen + i / 2] : 0;
    for (int t = 0; t < T; t++) {
      const float *l = lg + (size_t)t * V;
      float *q = p + (size_t)t * V, m = l[0], z = 0;
      for (int v = 1; v < V; v++) m = l[v] > m ? l[v] : m;
      for (int v = 0; v < V; v++) z += q[v] = expf(l[v] - m);
      for (int v = 0; v < V; v++) q[v] = q[v] / z + 1e-9f;
    }
    double ll = 0;
    int bad = 0;
    for (int t = 0; t < T && !bad; t++) {
      double *a = al + (size_t)t * S, z = 0;
      float *q = p + (size_t)t * V;
      if (t == 0) {
        for (int i = 0; i < s; i++) a[i] = 0;
        a[0] = q[0];
        if (s > 1) a[1] = q[lab[1]];
        z = a[0] + (s > 1 ? a[1] : 0);
      } else {
        double *b = a - S;
        for (int i = 0; i < s; i++) {
          double x = b[i];
          if (i > 0) x += b[i - 1];
          if (i > 1 && lab[i] && lab[i] != lab[i - 2]) x += b[i - 2];
          z += a[i] = x * q[lab[i]];
        }
      }
      if (!(z > 0)) {
        bad = 1;
        break;
      }
      for (int i = 0; i < s; i++) {
        a[i] /= z;
        if (a[i] < 1e-250) a[i] = 0;
      }
      sc[t] = z;
      ll += log(z);
    }
    double *a = al + (size_t)(T - 1) * S, end = bad ? 0 : a[s - 1] + (s > 1 ? a[s - 2] : 0);
    if (!(end > 0)) {
      loss[n] = -1;
      memset(gr, 0, sizeof(float) * (size_t)T * V);
      continue;
    }
    loss[n] = (float)-(ll + log(end));
    double *b = be, *c = be + S;
    for (int i = 0; i < s; i++) b[i] = i >= s - 2 ? 1 : 0;
    for (int t = T - 1; t >= 0; t--) {
      double *av = al + (size_t)t * S, z = 0;
      float *q = p + (size_t)t * V, *o = gr + (size_t)t * V;
      for (int v = 0; v < V; v++) acc[v] = 0;
      for (int i = 0; i < s; i++) {
        double x = av[i] * b[i];
        acc[lab[i]] += x;
        z += x;
      }
      if (z > 0)
        for (int v = 0; v < V; v++) o[v] = (float)(q[v] - acc[v] / z);
      else
        for (int v = 0; v < V; v++) o[v] = 0;
      if (t == 0) break;
      double zz = 0;
      for (int i = 0; i < s; i++) {
        double x = b[i] * q[lab[i]];
        if (i + 1 < s) x += b[i + 1] * q[lab[i + 1]];
        if (i + 2 < s && lab[i + 2] && lab[i + 2] != lab[i]) x += b[i + 2] * q[lab[i + 2]];
        c[i] = x;
        zz += x;
      }
      if (zz > 0)
        for (int i = 0; i < s; i++) {
          c[i] /= zz;
          if (c[i] < 1e-250) c[i] = 0;
        }
      double *tmp = b;
      b = c;
      c = tmp;
    }
  }
  free(al); free(be); free(sc); free(p); free(lab); free(acc);
}
