// Package duplicates suggests which profiles may be one person: those with one phone
// number, with addresses that one mailbox receives, or with one name and postcode.
// It never joins anything itself; people confirm a suggestion with an override of
// kind same, or dismiss it.
//
// A background pass follows the feed of a space under a lease. For each profile
// whose identity or traits changed it stores what the profile could be recognised
// by (Signs), as hashes, and which of these several profiles have. Ingestion takes
// no part in it. A list is made of that when somebody asks, and looks at the
// profiles as they are then: what merged meanwhile, or lost the trait, is not in it.
package duplicates
