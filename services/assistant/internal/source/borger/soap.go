package borger

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// namespace of the service's WSDL.
const namespace = "http://www.borger.dk/2009/WSArticleExport/v1"

// maxAnswer bounds an answer, in bytes: all descriptions are some hundred KB, one article some ten.
const maxAnswer = 32 << 20

// description is an article as lists show it. Elements are found by their local names: the namespaces of types have changed before.
type description struct {
	ArticleID      int       `xml:"ArticleID"`
	ArticleTitle   string    `xml:"ArticleTitle"`
	ArticleURL     string    `xml:"ArticleUrl"`
	LastUpdated    localTime `xml:"LastUpdated"`
	PublishingDate localTime `xml:"PublishingDate"`
	// Where the article stands in FORM, the public sector's reference model: service areas, and task areas within them.
	Services []struct {
		Number string `xml:"FormServiceAreaNumber"`
		Name   string `xml:"FormServiceAreaName"`
	} `xml:"FormServiceAreas>FormServiceArea"`
	Tasks []struct {
		Number string `xml:"FormTaskAreaNumber"`
		Name   string `xml:"FormTaskAreaName"`
	} `xml:"FormTaskAreas>FormTaskArea"`
}

// topics are the places of an article in FORM, the narrowest first.
func (d description) topics() []knowledgev1.Topic {
	var out []knowledgev1.Topic
	for _, t := range d.Tasks {
		out = append(out, knowledgev1.Topic{ID: t.Number, Name: t.Name})
	}
	for _, s := range d.Services {
		out = append(out, knowledgev1.Topic{ID: s.Number, Name: s.Name})
	}
	return out
}

// article is an article with its content.
type article struct {
	description
	ArticleHeader string `xml:"ArticleHeader"`
	Content       string `xml:"Content"` // HTML
}

// localTime is a time as the service writes it: Danish local time without a zone.
type localTime struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler. A time that cannot be read is none: it only decides what is fetched again.
func (t *localTime) UnmarshalText(b []byte) error {
	s := strings.TrimSpace(string(b))
	if zoned, err := time.Parse(time.RFC3339Nano, s); err == nil {
		t.Time = zoned
		return nil
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return err
	}
	t.Time, _ = time.ParseInLocation("2006-01-02T15:04:05.999999999", s, zone)
	return nil
}

// request is the body of a SOAP request: the operation's element with its parameters inside.
type request struct {
	XMLName xml.Name
	IDs     *ids   `xml:"articleIDs,omitempty"`
	ID      string `xml:"articleID,omitempty"`
	Code    string `xml:"municipalityCode,omitempty"`
	Since   string `xml:"updatedAfter,omitempty"`
}

// envelope is SOAP 1.1's (section 4).
type envelope struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Body    soapBody
}

type soapBody struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
	Request request
}

type ids struct {
	Int []int `xml:"http://schemas.microsoft.com/2003/10/Serialization/Arrays int"`
}

type reply struct {
	Body struct {
		Fault *fault `xml:"Fault"`
		All   struct {
			Result struct {
				Articles []description `xml:"ArticleDescription"`
			} `xml:"GetAllArticlesResult"`
		} `xml:"GetAllArticlesResponse"`
		ByID struct {
			Result *article `xml:"GetArticleByIDResult"`
		} `xml:"GetArticleByIDResponse"`
		ByIDs struct {
			Result struct {
				Articles []description `xml:"Article"`
			} `xml:"GetArticlesByIDsResult"`
		} `xml:"GetArticlesByIDsResponse"`
	} `xml:"Body"`
}

// fault is SOAP 1.1's (section 4.4).
type fault struct {
	Code string `xml:"faultcode"`
	Text string `xml:"faultstring"`
}

// err says what a fault means. The service tells its reasons in the text only.
func (f fault) err() error {
	text := strings.TrimSpace(f.Text)
	switch {
	case strings.HasSuffix(text, "has been marked as not exportable."):
		return errs.E(errs.Denied, "Artiklen må ikke eksporteres.", fmt.Errorf("%w: not exportable", source.ErrGone))
	case strings.HasPrefix(text, "No article found with"):
		return errs.E(errs.NotFound, "Artiklen findes ikke mere.", fmt.Errorf("%w: not found", source.ErrGone))
	}
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "")
	}
	return errs.E(errs.Invalid, "Tjenesten afviste forespørgslen.", fmt.Errorf("fault: %s", text))
}

// client speaks SOAP 1.1 with the service.
type client struct {
	http *source.Client
	url  string
}

func (c client) all(ctx context.Context) ([]description, error) {
	r, err := c.call(ctx, "GetAllArticles", request{})
	return r.Body.All.Result.Articles, err
}

func (c client) byID(ctx context.Context, id int, municipality string) (article, error) {
	r, err := c.call(ctx, "GetArticleByID", request{ID: strconv.Itoa(id), Code: code(municipality)})
	if err == nil && r.Body.ByID.Result == nil {
		err = errs.E(errs.Invalid, "Tjenesten svarede uden en artikel.", nil)
	}
	if err != nil {
		return article{}, err
	}
	return *r.Body.ByID.Result, nil
}

// updated lists those of the articles that have changed since a time in a municipality's edition.
func (c client) updated(ctx context.Context, articles []int, municipality string, since time.Time) ([]description, error) {
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return nil, err
	}
	r, err := c.call(ctx, "GetArticlesByIDs", request{
		IDs: &ids{articles}, Code: code(municipality), Since: since.In(zone).Format("2006-01-02T15:04:05"),
	})
	return r.Body.ByIDs.Result.Articles, err
}

// code is a municipality's code as the service takes it: an integer.
func code(municipality string) string { return strings.TrimLeft(municipality, "0") }

func (c client) call(ctx context.Context, operation string, body request) (reply, error) {
	body.XMLName = xml.Name{Space: namespace, Local: operation}
	data, err := xml.Marshal(envelope{Body: soapBody{Request: body}})
	if err != nil {
		return reply{}, fmt.Errorf("encode %s: %w", operation, err)
	}
	req, err := http.NewRequest(http.MethodPost, c.url, bytes.NewReader(append([]byte(xml.Header), data...)))
	if err != nil {
		return reply{}, errs.E(errs.Invalid, "Tjenestens adresse kan ikke bruges.", err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", `"`+namespace+"/IArticleExport/"+operation+`"`)
	res, err := c.http.Do(ctx, req, maxAnswer)
	if err != nil {
		return reply{}, err
	}
	return parse(res)
}

// parse reads an answer. Faults come with status 500.
func parse(res source.Response) (reply, error) {
	var r reply
	err := xml.Unmarshal(res.Body, &r)
	switch {
	case err == nil && r.Body.Fault != nil:
		return reply{}, r.Body.Fault.err()
	case res.Status != http.StatusOK:
		return reply{}, res.Err()
	case err != nil:
		return reply{}, errs.E(errs.Invalid, "Tjenesten svarede ikke med læselig XML.", err)
	}
	return r, nil
}
