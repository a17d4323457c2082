package knowledge

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

func TestText(t *testing.T) {
	for name, tc := range map[string]struct{ html, want string }{
		"paragraphs":             {"<p>Et</p><p>To</p>", "Et\n\nTo"},
		"broken lines":           {"<p>Du\n skal\r\n  melde</p>", "Du skal melde"},
		"br":                     {"<p>Et<br>To<br/><br/>Tre</p>", "Et\nTo\n\nTre"},
		"subhead":                {"<h5>Husk</h5><p>Passet</p>", "Husk\n\nPasset"},
		"list":                   {"<p>Du skal bruge:</p>\n<ul>\n <li>pas</li>\n <li><p>foto</p></li>\n</ul>\n<p>Så.</p>", "Du skal bruge:\n\n- pas\n- foto\n\nSå."},
		"list in a list":         {"<ul><li>Et<ul><li>a</li><li>b</li></ul></li><li>To</li></ul>", "- Et\n- a\n- b\n- To"},
		"two paragraphs in li":   {"<ul><li><p>Et</p><p>mere</p></li><li><p>To.</p>\n<p>Mere.</p><ul><li>a</li></ul></li></ul>", "- Et: mere\n- To. Mere.\n- a"},
		"numbers":                {"<p>Sådan:</p>\n<ol>\n <li>log ind</li>\n <li>\n  <p>find</p><p>mere</p></li>\n</ol>\n<p>Så.</p>", "Sådan:\n\n1) log ind\n2) find: mere\n\nSå."},
		"numbers from":           {`<ol start="3"><li>a<li value="7">b<li>c<li value="x">d</ol><ol start="0"><li>e<li>f</ol><ol start=999><li>g<li>h</ol>`, "3) a\n7) b\n8) c\n9) d\n\n- e\n1) f\n\n999) g\n- h"},
		"numbers down":           {`<ol reversed><li>a<li hidden>x<li>b</ol><ol reversed start="5"><li>c<li>d</ol>`, "2) a\n1) b\n\n5) c\n4) d"},
		"a list in numbers":      {"<ol><li>Et<ul><li>a</li></ul></li><li>To<ol><li>b</li></ol></li><li>Tre</li></ol>", "1) Et\n- a\n2) To\n1) b\n3) Tre"},
		"letters are no numbers": {`<ol type="a"><li>Et</ol><ol><li type="i">To</ol><ol type="1"><li>Tre</ol>`, "- Et\n\n- To\n\n1) Tre"},
		"table":                  {"<table><tr><th>Enlig</th><td>1.234 kr.</td></tr><tr><td>Par</td><td><p>2.000 kr.</p></td></tr></table>", "Enlig: 1.234 kr.\nPar: 2.000 kr."},
		"words keep together":    {"<p>bolig<b>støtte</b> er <em>en</em> ydelse</p>", "boligstøtte er en ydelse"},
		"div and text":           {"Før<div>inde</div>efter", "Før\n\ninde\n\nefter"},
		"entities":               {"<p>1&nbsp;000&#160;kr. &lt;b&gt; &amp;</p>", "1 000 kr. <b> &"},
		"script and style":       {`<script>alert("a")</script><style>p{}</style><p>Et</p><noscript>b</noscript><template>c</template>`, "Et"},
		"comment":                {"<p>Et<!-- to --> tre</p><!--[if IE]>fire<![endif]-->", "Et tre"},
		"hidden":                 {`<p hidden>a</p><p aria-hidden="TRUE">b</p><p style="DISPLAY : none">c</p><span style="font-size:0">d</span><p>Et</p>`, "Et"},
		"form":                   {"<form><input value=a><button>b</button><select><option>c</select><textarea>d</textarea></form><p>Et</p>", "Et"},
		"svg and frames":         {"<svg><text>a</text></svg><iframe srcdoc='<p>b'></iframe><object>c</object><p>Et</p>", "Et"},
		"event attributes":       {`<p onclick="a()">Et <img src=x onerror="b()" alt="c"></p>`, "Et"},
		"never closed":           {"<p>Et <b>to<ul><li>tre<li>fire", "Et to\n\n- tre\n- fire"},
		"script in an attribute": {`<p title="</p><script>a</script>">Et</p>`, "Et"},
		"plaintext":              {"<p>Et</p><plaintext>a", "Et"},
		"cdata":                  {"<p>Et<![CDATA[to]]></p>", "Et"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := Text(tc.html, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// A page may put links into links, hundreds deep. Each is read a few times, not twice as often as the one around it.
func TestLinksInLinks(t *testing.T) {
	const deep = 200
	page := strings.Repeat(`<a href="https://a.dk/b"><marquee>`, deep) + "Ansøg"
	text, links, err := Text(page, "https://a.dk")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]knowledgev1.Link{{Label: "Ansøg", URL: "https://a.dk/b"}}, links); diff != "" || text != "Ansøg" {
		t.Error(text, diff)
	}
}

func TestLinks(t *testing.T) {
	const page = `<p><a href="/meld?a=1#b"> Meld <b>flytning</b> </a><a href="https://www.retsinformation.dk/eli/lta/2017/646">CPR-loven</a>
		<a href="javascript:alert(1)">a</a><a href="data:text/html,x">b</a><a href="java&#10;script:alert(1)">c</a><a href="#top">d</a>
		<a href="https://borger.dk@evil.example/">e</a><a href="//mit.dk/x">Mit</a><a href="/tom"></a><a href="ftp://x/y">f</a><a href="/meld?a=1#b">igen</a></p>`
	_, got, err := Text(page, "https://www.borger.dk/side")
	if err != nil {
		t.Fatal(err)
	}
	want := []knowledgev1.Link{
		{Label: "Meld flytning", URL: "https://www.borger.dk/meld?a=1#b"},
		{Label: "CPR-loven", URL: "https://www.retsinformation.dk/eli/lta/2017/646"},
		{Label: "Mit", URL: "https://mit.dk/x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, got, err = Text(page, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[1:2], got); diff != "" {
		t.Errorf("without a base: %s", diff)
	}
}

func TestClean(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"spaces":        {" Et\u00a0to\u2009tre\u3000\tfire ", "Et to tre fire"},
		"zero width":    {"fly\u200bt\u200cn\u200di\ufeffn\u2060g", "flytning"},
		"soft hyphen":   {"bolig\u00adstøtte", "boligstøtte"},
		"directions":    {"a\u202eb\u2066c\u2069d\u200fe\u061cf", "abcdef"},
		"controls":      {"a\x00b\x1bc\x7fd\u009be", "abcde"},
		"tags":          {"Et\U000E0041\U000E0042\U000E007F to", "Et to"},
		"variations":    {"a\ufe0fb\U000E0101c", "abc"},
		"fillers":       {"a\u3164b\u115fc\u2800d\u034fe", "abcde"},
		"private use":   {"a\ue000b\U000F0000c", "abc"},
		"line ends":     {"a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"},
		"empty lines":   {"\n\n a \n \n\n\n b\n\n", "a\n\nb"},
		"broken UTF-8":  {"a\xffb", "a\ufffdb"},
		"one spelling":  {"a\u030a\u200b e\u0301", "å é"},
		"split accents": {"e\u200b\u0301", "é"},
		"nothing":       {"\u200b \u00a0\n", ""},
	} {
		if diff := cmp.Diff(tc.want, Clean(tc.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTooDeepAndTooLarge(t *testing.T) {
	for name, source := range map[string]string{
		"deep":  strings.Repeat("<div>", 100_000) + "x",
		"large": strings.Repeat("<p>x", MaxHTML/4+1),
	} {
		if _, _, err := Text(source, ""); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// checkClean says what is wrong with a text that came out of Clean.
func checkClean(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) || s != strings.TrimSpace(s) || strings.Contains(s, "  ") || strings.Contains(s, "\n\n\n") {
		t.Errorf("not clean: %q", s)
	}
	for _, r := range s {
		if r != '\n' && (!unicode.IsGraphic(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Variation_Selector) || unicode.IsSpace(r) && r != ' ') {
			t.Errorf("%U is left in %q", r, s)
		}
	}
	if again := Clean(s); again != s {
		t.Errorf("cleaned again: %q, was %q", again, s)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		"<p>Et</p><ul><li>to", "<table><tr><td>a<table><tr><td>b", "a\u200b\u0301", "<a href='//x'>y</a>", "<svg><p>a</svg>b", "<pre>a\n\n\n b</pre>",
		"<li><p>- <b>x</b></p></li>", "\u0001<p>\U000E0041", "<template><p>a</template>", "<math><mi></math>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, links, err := Text(s, "https://www.borger.dk/")
		if err != nil {
			return
		}
		checkClean(t, text)
		for _, l := range links {
			checkClean(t, l.Label)
			if !strings.HasPrefix(l.URL, "https://") && !strings.HasPrefix(l.URL, "http://") {
				t.Errorf("link to %q", l.URL)
			}
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add("a\u0300\u200b\u0301 \u1112\u1161\u11ab\u3164")
	f.Fuzz(func(t *testing.T, s string) { checkClean(t, Clean(s)) })
}
