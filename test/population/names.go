package population

import "strconv"

var (
	firstNames = []string{"Jane", "John", "Amara", "Björn", "Chidi", "Dolores", "Esther", "Farid", "Grace", "Hana", "Igor", "Júlia", "Kofi", "Lena", "Mei", "Noor", "Oscar", "Priya", "Quentin", "Rosa", "Sven", "Tomás", "Uma", "Victor", "Wanda", "Ximena", "Yusuf", "Zoë", "Aiko", "Bruno", "Carla", "Dmitri"}
	lastNames  = []string{"Doe", "Okafor", "Lindqvist", "García", "Nguyen", "Schmidt", "Rossi", "Haddad", "Kowalski", "Yamamoto", "Silva", "Ivanova", "O'Brien", "Mensah", "Dubois", "Novák", "Singh", "Kim", "Andersen", "Moreau", "Costa", "Weber", "Ali", "Hansen", "Fischer", "Reyes", "Popescu", "Murphy", "Sato", "Jansen", "Horvat", "Berg"}
	cities     = []string{"Lisbon", "Kraków", "Gothenburg", "Lyon", "Portland", "Osaka", "Accra", "Leeds", "Turin", "Malmö", "Ghent", "Graz", "Bilbao", "Zagreb", "Aarhus", "Boulder"}
	countries  = []string{"PT", "PL", "SE", "FR", "US", "JP", "GH", "GB", "IT", "SE", "BE", "AT", "ES", "HR", "DK", "US"}
	zones      = []string{"Europe/Lisbon", "Europe/Warsaw", "Europe/Stockholm", "Europe/Paris", "America/Los_Angeles", "Asia/Tokyo", "Africa/Accra", "Europe/London", "Europe/Rome", "Europe/Stockholm", "Europe/Brussels", "Europe/Vienna", "Europe/Madrid", "Europe/Zagreb", "Europe/Copenhagen", "America/Denver"}
	locales    = []string{"pt-PT", "pl-PL", "sv-SE", "fr-FR", "en-US", "ja-JP", "en-GH", "en-GB", "it-IT", "sv-SE", "nl-BE", "de-AT", "es-ES", "hr-HR", "da-DK", "en-US"}
	mailHosts  = []string{"example.com", "example.org", "example.net", "mail.example", "post.example", "inbox.example"}
	adjectives = []string{"Swift", "Trail", "Cloud", "Iron", "Feather", "Granite", "Ember", "Tidal"}
	nouns      = []string{"Runner", "Glider", "Hiker", "Racer", "Strider", "Sprinter", "Walker", "Climber"}
	categories = []string{"shoes", "shirts", "jackets", "socks", "watches", "bottles"}
	plans      = []string{"free", "plus", "gold"}
	agents     = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
	}
	phones  = []string{"iPhone17,1", "iPhone16,2", "iPhone15,4", "iPhone14,6"}
	droids  = []string{"Pixel 9", "SM-S928B", "XQ-EC54", "CPH2609"}
	makers  = []string{"Google", "samsung", "Sony", "OnePlus"}
	screens = []string{"Home", "Product", "Category", "Cart", "Account", "Search", "Stores", "Checkout"}
	paths   = []string{"/", "/p/", "/c/", "/cart", "/account", "/search", "/stores", "/checkout"}
)

// pick chooses one of a list by some bits.
func pick(list []string, bits uint64) string { return list[bits%uint64(len(list))] }

// products is what the shop sells: JSON without braces, made once, for every
// track event about a product has it.
var products = func() (out [64]string) {
	for i := range out {
		n := strconv.Itoa(i)
		name := adjectives[i%8] + " " + nouns[i/8]
		category := categories[i%len(categories)]
		out[i] = `"product_id":"sku-10` + n + `","sku":"SK-` + n + `-` + category + `","name":"` + name +
			`","brand":"SegKicks","category":"` + category + `","price":` + strconv.Itoa(19+i*3) + `.95,"currency":"EUR",` +
			`"url":"https://shop.segkicks.example/p/` + n + `"`
	}
	return out
}()
